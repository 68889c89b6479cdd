import type { Cluster } from "./cluster.ts";

const NAMESPACE = "wireguard-kube";

/** The service accounts of the manifests. */
export type Account = "wireguard-hub" | "wireguard-member";

/** A service account's token as a pod of a Node has it. */
export interface AccountCredentials {
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
 * A token of a service account that is bound to a Node, which must exist: the API server sees that
 * Node's name in every request. The account is made if the manifests have not done so; what it may
 * do is up to them.
 */
export async function accountCredentials(
  cluster: Cluster,
  account: Account,
  nodeName: string,
): Promise<AccountCredentials> {
  const { admin, folder: root, address, port } = cluster;
  await makeAccount(cluster, account);
  const node = await admin.expect("GET", `/api/v1/nodes/${nodeName}`) as {
    metadata: { uid: string };
  };
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
  const answer = await admin.expect("POST", `${accounts}/${account}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      expirationSeconds: 3600,
      boundObjectRef: { apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid },
    },
  }) as { status: { token: string } };
  const { token } = answer.status;
  const folder = `${root}/${account}/${nodeName}`;
  await Deno.mkdir(folder, { recursive: true });
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
  await write("token", token);
  await write("ca.crt", await Deno.readTextFile(`${root}/ca.crt`));
  await write("namespace", NAMESPACE);
  await write("kubeconfig", cluster.kubeconfigText({ token }));
  return {
    token,
    folder,
    env: { KUBERNETES_SERVICE_HOST: address, KUBERNETES_SERVICE_PORT: String(port) },
    kubeconfig: `${folder}/kubeconfig`,
  };
}

async function makeAccount({ admin }: Cluster, account: Account): Promise<void> {
  const metadata = { name: NAMESPACE };
  await make("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
  await make(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: account },
  });

  async function make(path: string, object: unknown): Promise<void> {
    const { status, body } = await admin.request("POST", path, object);
    if (status >= 300 && status !== 409) {
      throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    }
  }
}
