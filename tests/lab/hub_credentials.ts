import type { Cluster } from "./cluster.ts";

const NAMESPACE = "wireguard-kube";
const ACCOUNT = "wireguard-hub";

/** A service account's token as a pod of a Node has it. */
export interface HubCredentials {
  readonly token: string;
  /** A folder with `token`, `ca.crt` and `namespace`, to be shown to the program at SERVICE_ACCOUNT_PATH. */
  readonly folder: string;
  /** What the kubelet adds to a pod's environment. */
  readonly env: Record<string, string>;
  /** The same credential as a kubeconfig, for programs outside of a pod. */
  readonly kubeconfig: string;
}

/** Where a pod finds its token. */
export const SERVICE_ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * A token of the hub's service account that is bound to a Node, which must exist: the API server
 * sees that Node's name in every request. The account is made if `deploy/rbac.yaml` has not done so;
 * what it may do is up to that file.
 */
export async function hubCredentials(cluster: Cluster, nodeName: string): Promise<HubCredentials> {
  const { admin, folder: root, address, port } = cluster;
  await makeAccount(cluster);
  const node = await admin.expect("GET", `/api/v1/nodes/${nodeName}`) as {
    metadata: { uid: string };
  };
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  const answer = await admin.expect("POST", `${accounts}/${ACCOUNT}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      expirationSeconds: 3600,
      boundObjectRef: { apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid },
    },
  }) as { status: { token: string } };
  const { token } = answer.status;
  const folder = `${root}/hubs/${nodeName}`;
  await Deno.mkdir(folder, { recursive: true });
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
  await write("token", token);
  await write("ca.crt", await Deno.readTextFile(`${root}/ca.crt`));
  await write("namespace", NAMESPACE);
  await write("hub.kubeconfig", cluster.kubeconfigText({ token }));
  return {
    token,
    folder,
    env: { KUBERNETES_SERVICE_HOST: address, KUBERNETES_SERVICE_PORT: String(port) },
    kubeconfig: `${folder}/hub.kubeconfig`,
  };
}

async function makeAccount({ admin }: Cluster): Promise<void> {
  const metadata = { name: NAMESPACE };
  await make("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
  await make(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: ACCOUNT },
  });

  async function make(path: string, object: unknown): Promise<void> {
    const { status, body } = await admin.request("POST", path, object);
    if (status >= 300 && status !== 409) {
      throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    }
  }
}
