import type { ApiClient } from "../lab/api_client.ts";

/** Where the hub and its account live. */
export const NAMESPACE = "wireguard-kube";

/** An account beside the hub's that is not guarded. */
export const OTHER_ACCOUNT = "policy-other";

/** Accounts in kube-system that are no hub, by what they stand for. */
export const USERS = {
  /** A CNI's agent: patches every Node, its status, too. */
  cni: "policy-cni",
  /** Makes Nodes, as a cloud does. */
  provisioner: "policy-provisioner",
  /** May say which Node is a hub, by the verb that the policies ask for. */
  manager: "policy-manager",
  /** May run what it likes in every namespace. */
  deployer: "policy-deployer",
  /** The real controller's name. */
  daemonSets: "daemon-set-controller",
} as const;

const rule = (group: string, resources: string[], verbs: string[], names: string[] = []) => ({
  apiGroups: [group],
  resources,
  verbs,
  ...(names.length === 0 ? {} : { resourceNames: names }),
});
const serviceAccount = (name: string, namespace: string) => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name, namespace },
});
const account = (name: string) => ({ kind: "ServiceAccount", name, namespace: "kube-system" });
const nodeWriting = rule("", ["nodes", "nodes/status"], ["get", "list", "patch", "update"]);
const workloads = [
  rule("", ["pods", "secrets", "serviceaccounts/token"], ["create", "update", "patch", "get"]),
  rule("", ["pods/exec", "pods/attach", "pods/ephemeralcontainers"], ["create", "get", "patch"]),
  rule("apps", ["daemonsets"], ["create", "update", "patch", "get"]),
];

/** What each may do, and the one Node that may register itself as a hub. */
const GRANTS = [
  { user: account(USERS.cni), rules: [nodeWriting] },
  { user: account(USERS.provisioner), rules: [nodeWriting, rule("", ["nodes"], ["create"])] },
  {
    user: account(USERS.manager),
    rules: [nodeWriting, rule("wireguard.kube", ["nodes"], ["manage"]), ...workloads],
  },
  { user: account(USERS.deployer), rules: workloads },
  { user: account(USERS.daemonSets), rules: workloads },
  {
    user: {
      kind: "User",
      name: "system:node:policy-self-made",
      apiGroup: "rbac.authorization.k8s.io",
    },
    rules: [rule("wireguard.kube", ["nodes"], ["manage"], ["policy-self-made"])],
  },
];

/** Those accounts and their rights, as one manifest. */
export const PEOPLE: string = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    serviceAccount(OTHER_ACCOUNT, NAMESPACE),
    ...Object.values(USERS).map((name) => serviceAccount(name, "kube-system")),
    ...GRANTS.flatMap(({ user, rules }, index) => {
      const metadata = { name: `policy-grant-${index}` };
      const apiVersion = "rbac.authorization.k8s.io/v1";
      const roleRef = {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: metadata.name,
      };
      return [
        { apiVersion, kind: "ClusterRole", metadata, rules },
        { apiVersion, kind: "ClusterRoleBinding", metadata, roleRef, subjects: [user] },
      ];
    }),
  ],
});

/** A token for a service account: bound to a pod if one is named, else to nothing. */
export async function serviceToken(
  client: ApiClient,
  namespace: string,
  name: string,
  pod?: { readonly name: string; readonly uid: string },
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { status } = await client.expect("POST", path, tokenRequest(pod)) as {
    status: { token: string };
  };
  return status.token;
}

/** The body of a request for a token. */
export function tokenRequest(pod?: { readonly name: string; readonly uid: string }) {
  return {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      expirationSeconds: 3600,
      ...(pod && { boundObjectRef: { apiVersion: "v1", kind: "Pod", ...pod } }),
    },
  };
}
