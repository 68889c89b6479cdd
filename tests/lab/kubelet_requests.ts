import type { Cluster } from "./cluster.ts";
import { type Authority, signRequest } from "./x509.ts";

const REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const SIGNER = "kubernetes.io/kube-apiserver-client-kubelet";
const BOOTSTRAPPERS = "system:bootstrappers";
const BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const BINDING_NAME = "lab-node-bootstrappers";

/** As much of a CertificateSigningRequest as is read. */
interface SigningRequest {
  readonly metadata: { readonly name: string };
  /** `request`: PEM, in base64. */
  readonly spec: {
    readonly signerName: string;
    readonly username: string;
    readonly request: string;
  };
  readonly status: { readonly certificate?: string };
}

/** From when to when a certificate is good. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * The kubeconfig with which a machine asks for its first certificate, and nothing else (TLS bootstrap).
 * What allows it is there until {@linkcode forgetBootstrap}.
 */
export async function bootstrapKubeconfig(cluster: Cluster): Promise<string> {
  await forgetBootstrap(cluster);
  await cluster.admin.expect("POST", BINDING, {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: BINDING_NAME },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "system:node-bootstrapper",
    },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: BOOTSTRAPPERS }],
  });
  const { certificate, key } = await cluster.issue("system:bootstrap:lab", BOOTSTRAPPERS);
  return cluster.kubeconfigText({
    "client-certificate-data": btoa(certificate),
    "client-key-data": btoa(key),
  });
}

/** Takes back what {@linkcode bootstrapKubeconfig} has granted, and all requests with their answers. */
export async function forgetBootstrap({ admin }: Cluster): Promise<void> {
  await admin.request("DELETE", `${BINDING}/${BINDING_NAME}`);
  await admin.request("DELETE", REQUESTS);
}

/**
 * Approves and signs what a Node's kubelet has asked for, as the controller manager does.
 *
 * @returns who asked, each once; nobody, when there is nothing to sign.
 */
export async function signKubeletRequests(
  { admin }: Cluster,
  authority: Authority,
  nodeName: string,
  validity: Validity,
): Promise<string[]> {
  const { items } = await admin.expect("GET", REQUESTS) as { items: readonly SigningRequest[] };
  const waiting = items.filter(({ spec, status }) =>
    spec.signerName === SIGNER && status.certificate === undefined
  );
  for (const { metadata, spec } of waiting) {
    const certificate = await signRequest(authority, atob(spec.request), {
      commonName: `system:node:${nodeName}`,
      organization: "system:nodes",
      ...validity,
    });
    const approval = { type: "Approved", status: "True", reason: "Lab", message: "for a test" };
    const path = `${REQUESTS}/${metadata.name}`;
    await admin.expect("PATCH", `${path}/approval`, { status: { conditions: [approval] } });
    await admin.expect("PATCH", `${path}/status`, { status: { certificate: btoa(certificate) } });
  }
  return [...new Set(waiting.map(({ spec }) => spec.username))];
}
