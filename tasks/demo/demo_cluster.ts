import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { nodeView } from "../../lib/kubernetes/node_view.ts";
import { ApiClient } from "../../tests/lab/api_client.ts";
import { createNode, deleteNode } from "../../tests/lab/create_node.ts";
import { type EmbeddedApi, startEmbeddedApi } from "../../tests/lab/embedded_api.ts";
import { LabHost } from "../../tests/lab/lab_host.ts";
import type { LabProcess } from "../../tests/lab/lab_process.ts";
import { Underlay } from "../../tests/lab/underlay.ts";
import { bundlePath } from "../bundle.ts";
import { type ProgramName, runArguments } from "../permissions.ts";
import type { PeerRow } from "./peer_table.ts";
import { parseReadPeers, READ_PEERS } from "./read_peers.ts";

/** The hub's Node and its addresses, as the README has them. The network is that of RFC 5737. */
export const HUB = {
  node: "hub-1",
  external: "203.0.113.1",
  internal: "172.16.0.4",
  tunnel: "100.96.0.1",
} as const;

export const KEYS = annotationKeys("wireguard.kube/");

/** Where a kubelet keeps its credential. */
const KUBECONFIG = "/etc/kubernetes/kubelet.conf";

/** A machine of the cluster: a host with our program on it. */
export interface Member {
  readonly name: string;
  readonly host: LabHost;
  readonly program: LabProcess;
  /** Its address in the tunnel. */
  readonly tunnel: string;
}

/**
 * A cluster without a cluster: machines as namespaces, joined by a switch, and the embedded API in
 * the namespace that we run in. Hub and spokes are the bundled programs, with the permissions of
 * their executables.
 */
export class DemoCluster implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #members: Member[] = [];
  readonly #underlay: Underlay;
  readonly #api: EmbeddedApi;
  readonly #client: ApiClient;

  private constructor(underlay: Underlay, api: EmbeddedApi, client: ApiClient) {
    this.#underlay = underlay;
    this.#api = api;
    this.#client = client;
  }

  /** The switch and the API. The process must be in a network namespace of its own. */
  static async start(): Promise<DemoCluster> {
    await using stack = new AsyncDisposableStack();
    const underlay = stack.use(await Underlay.create("203.0.113.254/24"));
    await underlay.attachOurselves("203.0.113.100/24");
    const api = stack.use(startEmbeddedApi({ hostname: "203.0.113.100", port: 6443 }));
    const client = stack.use(new ApiClient({ server: api.url }));
    const cluster = new DemoCluster(underlay, api, client);
    cluster.#stack.use(stack.move());
    return cluster;
  }

  /** Where the API is. */
  get apiUrl(): string {
    return this.#api.url;
  }

  /** A host with two networks, its Node, and the hub on it. */
  async addHub(): Promise<Member> {
    const { node: name, external, internal, tunnel } = HUB;
    const host = await this.#addHost(name, external);
    await host.addNetwork("cluster0", `${internal}/16`);
    const settings = ["ip_forward=1", "conf/all/send_redirects=0", "conf/default/send_redirects=0"];
    for (const [path, value] of settings.map((setting) => setting.split("="))) {
      await host.run(["sh", "-c", `echo ${value} > /proc/sys/net/ipv4/${path}`]);
    }
    await createNode(this.#client, name, { internalIPs: [internal], externalIPs: [external] });
    return this.#start("hub", { name, host, tunnel }, [
      `--kubeconfig=${KUBECONFIG}`,
      `--node-name=${name}`,
      "--allowed-ips=100.96.0.0/12,172.16.0.0/16",
      "--private-key-file=/var/lib/wg-kube/private.key",
    ]);
  }

  /** A host `edge-N` with the spoke on it, then its Node, in the order in which a kubelet follows. */
  async addSpoke(number: number): Promise<Member> {
    const name = `edge-${number}`;
    const tunnel = `100.96.0.${number}`;
    const host = await this.#addHost(name, `203.0.113.${number}`);
    const spoke = this.#start("spoke", { name, host, tunnel }, [`--address=${tunnel}/32`]);
    await createNode(this.#client, name, { internalIPs: [tunnel] });
    return spoke;
  }

  /** The Node as it is now. */
  async node(name: string): Promise<NodeView> {
    return nodeView(await this.#client.expect("GET", `/api/v1/nodes/${name}`))!;
  }

  /** Takes a member's Node out of the cluster, as an administrator does. Its program runs on. */
  async removeNode(name: string): Promise<void> {
    await deleteNode(this.#client, name);
  }

  /** What the hub's interface holds, by the Nodes whose keys they are. */
  async hubPeers(hub: Member): Promise<PeerRow[]> {
    const command = ["run", "--frozen", "--cached-only", "--no-check", "-A", READ_PEERS, "wg0"];
    const peers = parseReadPeers(await hub.host.run([Deno.execPath(), ...command]));
    const nodes = await this.#nodesByKey();
    return peers.map(({ publicKey, ...peer }) => {
      const node = nodes.get(publicKey);
      return { ...peer, ...(node !== undefined && { node }) };
    });
  }

  /**
   * Looks whether all programs are running.
   *
   * @throws {Error} naming the one that is not.
   */
  assertRunning(): void {
    const ended = this.#members.find(({ program }) => program.ended);
    if (ended) throw new Error(`the program on ${ended.name} has ended`);
  }

  /** All that the programs have said so far. */
  logs(): string {
    return this.#members.map(({ name, program }) => `--- log of ${name}\n${program.output}`)
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #addHost(name: string, address: string): Promise<LabHost> {
    const host = this.#stack.use(await LabHost.create(name));
    await this.#underlay.attach(host, `${address}/24`);
    await host.writeFile(KUBECONFIG, this.#api.kubeconfig());
    return host;
  }

  #start(
    program: ProgramName,
    machine: Omit<Member, "program">,
    options: readonly string[],
  ): Member {
    const bundled = new URL(`../../${bundlePath(program)}`, import.meta.url).pathname;
    const args = [...runArguments(program, bundled), ...options];
    const process = this.#stack.use(machine.host.spawn(Deno.execPath(), args));
    const member = { ...machine, program: process };
    this.#members.push(member);
    return member;
  }

  async #nodesByKey(): Promise<Map<string, string>> {
    const list = await this.#client.expect("GET", "/api/v1/nodes") as { items: unknown[] };
    const nodes = list.items.flatMap((item) => nodeView(item) ?? []);
    return new Map(nodes.flatMap(({ name, annotations }) => {
      const key = annotations[KEYS.publicKey];
      return key === undefined ? [] : [[key, name] as const];
    }));
  }
}
