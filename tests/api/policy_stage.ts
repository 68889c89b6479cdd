import { parse } from "@std/yaml/parse";
import { type Account, accountCredentials } from "../lab/account_credentials.ts";
import { ApiClient } from "../lab/api_client.ts";
import type { Cluster } from "../lab/cluster.ts";
import { createNode, deleteNode, type NodeOptions } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { kubeletCredentials } from "../lab/kubelet_credentials.ts";
import { NAMESPACE, PEOPLE, serviceToken, USERS } from "./policy_people.ts";

/**
 * The Nodes of the stage. `absent` has a kubelet and no Node; so has `selfMade`, which may be a hub.
 * `unwanted` is to be no member.
 */
export const NODES = {
  hub: "policy-hub-1",
  otherHub: "policy-hub-2",
  edge: "policy-edge-1",
  otherEdge: "policy-edge-2",
  plain: "policy-plain",
  member: "policy-member",
  unwanted: "policy-unwanted",
  absent: "policy-absent",
  selfMade: "policy-self-made",
} as const;

/** The pod of the hub's account on {@linkcode NODES.hub}. */
export const HUB_POD = "hub-on-policy-hub-1";

/** Who asks, each with a credential as a real cluster gives it. */
export type Who = keyof Actors;
type Actors = Awaited<ReturnType<typeof credentialsOfAll>>;

/** A manifest as far as the stage looks into it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A cluster with the manifests of a folder applied, Nodes that they protect, and people to try them. */
export class PolicyStage implements AsyncDisposable {
  readonly #cleanup = new AsyncDisposableStack();
  readonly #clients = new Map<Who, ApiClient>();

  private constructor(
    readonly cluster: Cluster,
    readonly prefix: string,
    readonly actors: Actors,
  ) {}

  /** Applies the folder, as its user does, and waits until its policies, or none, are in force. */
  static async set(
    cluster: Cluster,
    folder: string,
    prefix: string,
    { policies = true } = {},
  ): Promise<PolicyStage> {
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => removeManifests(cluster, folder));
    await cluster.kubectl(["apply", "-k", folder]);
    cleanup.defer(() =>
      cluster.kubectl(["delete", "--wait=false", "-f", "-"], PEOPLE).then(() => {})
    );
    await cluster.kubectl(["apply", "-f", "-"], PEOPLE);
    cleanup.defer(async () => {
      for (const name of Object.values(NODES)) await deleteNode(cluster.admin, name);
    });
    await createNodes(cluster.admin, prefix);
    const pod = `/api/v1/namespaces/${NAMESPACE}/pods`;
    cleanup.defer(async () => {
      await cluster.admin.request("DELETE", `${pod}/${HUB_POD}?gracePeriodSeconds=0`);
    });
    await cluster.admin.expect("POST", pod, hubPod(HUB_POD, NODES.hub));
    const stage = new PolicyStage(cluster, prefix, await credentialsOfAll(cluster));
    await stage.#settle(policies ? 422 : 200);
    stage.#cleanup.use(cleanup.move());
    return stage;
  }

  as(who: Who): ApiClient {
    let client = this.#clients.get(who);
    if (client === undefined) {
      client = this.#cleanup.use(new ApiClient(this.cluster.credentials(this.actors[who])));
      this.#clients.set(who, client);
    }
    return client;
  }

  /** Which objects there are, in which version: the same after an attack as before it. */
  async versions(): Promise<string[]> {
    const kinds = ["nodes", `namespaces/${NAMESPACE}/pods`, `namespaces/${NAMESPACE}/secrets`];
    const paths = [
      ...kinds.map((kind) => `/api/v1/${kind}`),
      "/apis/apps/v1/daemonsets",
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
      "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ];
    const lists = await Promise.all(paths.map((path) => this.cluster.admin.expect("GET", path)));
    return lists.flatMap((list) =>
      (list as { items: { metadata: Record<string, string> }[] }).items.map(({ metadata }) =>
        `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`
      )
    );
  }

  /** A policy works, or works no more, about a second later. A dry run leaves nothing behind. */
  async #settle(status: number): Promise<void> {
    const hub = { labels: { [`${this.prefix}hub`]: "true" } };
    await this.answers(status, "cni", `/api/v1/nodes/${NODES.plain}`, { metadata: hub });
    const other = { labels: { "lab.test/probe": "1" } };
    await this.answers(status, "hub", `/api/v1/nodes/${NODES.hub}`, { metadata: other });
  }

  /** What a token for {@linkcode HUB_POD} is bound to. */
  podReference(): Promise<{ name: string; uid: string }> {
    return podReference(this.cluster);
  }

  /** Waits until a patch would be answered by that status. */
  async answers(status: number, who: Who, path: string, body: unknown): Promise<void> {
    await eventually(`${who} gets ${status} for ${path}`, async () => {
      const answer = await this.as(who).request("PATCH", `${path}?dryRun=All`, body);
      return answer.status === status || undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup[Symbol.asyncDispose]();
  }
}

/** What kustomize makes of a folder. */
export async function render(cluster: Cluster, folder: string): Promise<Manifest[]> {
  const text = await cluster.kubectl(["kustomize", folder]);
  return text.split(/^---$/m).map((document): Manifest => parse(document));
}

/** A pod of the hub's account. */
export function hubPod(name: string, nodeName?: string, spec: Record<string, unknown> = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      serviceAccountName: "wireguard-hub",
      ...(nodeName === undefined ? {} : { nodeName }),
      containers: [{ name: "hub", image: "example.test/hub" }],
      ...spec,
    },
  };
}

/**
 * Takes away what was applied, but for the namespace and the account, which other tests use, too: no
 * controller runs here that would end a namespace.
 */
async function removeManifests(cluster: Cluster, folder: string): Promise<void> {
  const all = await render(cluster, folder);
  const items = all.filter(({ kind }) => kind !== "Namespace" && kind !== "ServiceAccount");
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await cluster.kubectl(["delete", "--wait=false", "--ignore-not-found", "-f", "-"], list);
}

async function createNodes(admin: ApiClient, prefix: string): Promise<void> {
  const foreign = { "lab.test/foreign": "stays" };
  const said = (key: string, allowedIPs: string) => ({
    ...foreign,
    [`${prefix}public-key`]: key,
    [`${prefix}allowed-ips`]: allowedIPs,
  });
  const hub = { [`${prefix}hub`]: "true" };
  const peer = { [`${prefix}peer`]: "true" };
  const member = `${prefix}member`;
  const make = (
    name: string,
    labels: Record<string, string>,
    annotations = {},
    rest: NodeOptions = {},
  ) => createNode(admin, name, { labels, annotations, ...rest });
  const endpoint = { [`${prefix}endpoint`]: "203.0.113.1:51820" };
  await make(NODES.hub, hub, { ...said("hub-1", "100.96.0.0/12"), ...endpoint });
  await make(NODES.otherHub, hub, { ...said("hub-2", "100.112.0.0/12"), ...endpoint });
  await make(NODES.edge, peer, said("edge-1", "100.96.0.7/32"));
  await make(NODES.otherEdge, peer, said("edge-2", "100.96.0.8/32"));
  await make(NODES.plain, {}, foreign, { internalIPs: ["172.16.0.5"] });
  const both = { internalIPs: ["172.16.0.4", "fd00:16::4"], externalIPs: ["203.0.113.4"] };
  await make(NODES.member, { ...peer, [member]: "true" }, said("member", "172.16.0.4/32"), both);
  await make(NODES.unwanted, { [member]: "false" }, foreign, { internalIPs: ["172.16.0.6"] });
}

async function credentialsOfAll(cluster: Cluster) {
  const bound = async (node: string, account: Account = "wireguard-hub") => ({
    token: (await accountCredentials(cluster, account, node)).token,
  });
  const { hub, otherHub, edge, otherEdge, plain, absent, selfMade, member, unwanted } = NODES;
  const hubKubelet = await kubeletCredentials(cluster, hub);
  return {
    admin: {
      certificate: await Deno.readTextFile(`${cluster.folder}/admin.crt`),
      key: await Deno.readTextFile(`${cluster.folder}/admin.key`),
    },
    hub: await bound(hub),
    // As a real pod gets it: the node's kubelet asks for it.
    hubPod: { token: await tokenByKubelet(cluster, hubKubelet) },
    hubOnPlain: await bound(plain),
    hubOnEdge: await bound(edge),
    hubUnbound: { token: await serviceToken(cluster.admin, NAMESPACE, "wireguard-hub") },
    member: await bound(member, "wireguard-member"),
    memberOnPlain: await bound(plain, "wireguard-member"),
    memberOnUnwanted: await bound(unwanted, "wireguard-member"),
    memberOnEdge: await bound(edge, "wireguard-member"),
    memberOnHub: await bound(hub, "wireguard-member"),
    memberUnbound: { token: await serviceToken(cluster.admin, NAMESPACE, "wireguard-member") },
    memberKubelet: await kubeletCredentials(cluster, member),
    plainKubelet: await kubeletCredentials(cluster, plain),
    hubKubelet,
    otherHubKubelet: await kubeletCredentials(cluster, otherHub),
    edgeKubelet: await kubeletCredentials(cluster, edge),
    otherEdgeKubelet: await kubeletCredentials(cluster, otherEdge),
    absentKubelet: await kubeletCredentials(cluster, absent),
    selfMadeKubelet: await kubeletCredentials(cluster, selfMade),
    cni: { token: await serviceToken(cluster.admin, "kube-system", USERS.cni) },
    provisioner: { token: await serviceToken(cluster.admin, "kube-system", USERS.provisioner) },
    manager: { token: await serviceToken(cluster.admin, "kube-system", USERS.manager) },
    deployer: { token: await serviceToken(cluster.admin, "kube-system", USERS.deployer) },
    daemonSets: { token: await serviceToken(cluster.admin, "kube-system", USERS.daemonSets) },
  };
}

async function tokenByKubelet(
  cluster: Cluster,
  kubelet: { readonly certificate: string; readonly key: string },
): Promise<string> {
  using client = new ApiClient(cluster.credentials(kubelet));
  const pod = await podReference(cluster);
  // The Node authorizer has to hear of the pod first.
  return await eventually(
    "the kubelet gets its pod's token",
    () =>
      serviceToken(client, NAMESPACE, "wireguard-hub", pod).catch(
        () => undefined,
      ),
  );
}

async function podReference({ admin }: Cluster): Promise<{ name: string; uid: string }> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods/${HUB_POD}`;
  const { metadata } = await admin.expect("GET", path) as { metadata: { uid: string } };
  return { name: HUB_POD, uid: metadata.uid };
}
