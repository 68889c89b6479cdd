import { bundlePath } from "../../tasks/bundle.ts";
import { runArguments } from "../../tasks/permissions.ts";
import { accountCredentials, SERVICE_ACCOUNT_PATH } from "./account_credentials.ts";
import { startContainer } from "./container.ts";
import { setNodeStatus } from "./create_node.ts";
import { eventually } from "./eventually.ts";
import { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { HUB, type Member, SECOND_HUB, StretchedCluster } from "./stretched_cluster.ts";
import { type Subnet, Vpc, vpcAddresses } from "./vpc.ts";

/** What members send into the tunnel: the tunnel's networks. */
export const TUNNEL_CIDRS = "100.96.0.0/12,fd64::/64";
/** What spokes send to the hub: besides, the network of the cluster's nodes. */
const HUB_PREFIXES = `${TUNNEL_CIDRS},172.16.0.0/16,fd16::/48`;

/**
 * How long to wait, in ms: the lab has one processor, most of which 300 datagrams a second take. What
 * begins beside them takes half a minute instead of some seconds.
 */
const PATIENCE = 120_000;

/** A node of the cluster beside the hub; its program may not have been started yet. */
export interface ClusterNode {
  readonly name: string;
  readonly host: LabHost;
  /** The addresses of its Node. */
  internalIPs: readonly [string, string];
  process?: LabProcess;
}

/**
 * A cluster whose nodes are in a cloud: the hub and others in two subnets, with two address families,
 * and spokes elsewhere. The members' program runs as its DaemonSet would have it.
 */
export class MemberBench implements AsyncDisposable {
  readonly #parts: AsyncDisposableStack;
  readonly #nodes: ClusterNode[] = [];

  private constructor(
    parts: AsyncDisposableStack,
    readonly stretched: StretchedCluster,
    readonly vpc: Vpc,
    readonly hub: Member,
  ) {
    this.#parts = parts;
  }

  /** The cluster with its hub. */
  static async create(): Promise<MemberBench> {
    await using parts = new AsyncDisposableStack();
    const stretched = parts.use(
      await StretchedCluster.create({
        kustomization: "overlays/members",
        hubArguments: { address: "100.96.0.1/32,fd64::1/128", "allowed-ips": HUB_PREFIXES },
      }),
    );
    const vpc = parts.use(await Vpc.create());
    const hub = await addHub(stretched, vpc, HUB, 4);
    return new MemberBench(parts.move(), stretched, vpc, hub);
  }

  /** Another hub in the same subnet, which stands by. */
  addSecondHub(): Promise<Member> {
    return addHub(this.stretched, this.vpc, SECOND_HUB, 5);
  }

  /** A spoke with tunnel addresses of both families, and, if given, a network of pods. */
  addSpoke(number: number, pods?: string): Promise<Member> {
    const own = `100.96.0.${number}/32,fd64::${number}/128`;
    return this.stretched.addSpoke(number, {
      env: { WG_ADDRESS: own, ...(pods && { WG_ALLOWED_IPS: `${own},${pods}` }) },
      internalIPs: [`100.96.0.${number}`, `fd64::${number}`],
    });
  }

  /** A node in that subnet, which is no member yet. */
  async addNode(name: string, subnet: Subnet, number: number): Promise<ClusterNode> {
    const host = this.#parts.use(await LabHost.create(name));
    await this.vpc.attach(host, subnet, number);
    const { ipv4, ipv6 } = vpcAddresses(subnet, number);
    const node: ClusterNode = { name, host, internalIPs: [ipv4, ipv6] };
    this.#nodes.push(node);
    await this.stretched.addNode(name, { internalIPs: node.internalIPs });
    return node;
  }

  /** Gives a node other addresses: on its machine, then on its Node, as a kubelet does it. */
  async move(node: ClusterNode, subnet: Subnet, number: number): Promise<void> {
    const { ipv4, ipv6 } = vpcAddresses(subnet, number);
    await this.vpc.move(node.host, subnet, number);
    node.internalIPs = [ipv4, ipv6];
    await setNodeStatus(this.stretched.admin, node.name, { internalIPs: node.internalIPs });
  }

  /** Starts the member's program on a node, also again. */
  async startMember(node: ClusterNode, env: Record<string, string> = {}): Promise<LabProcess> {
    return node.process = await this.runMember(node, [], env);
  }

  /**
   * Runs the member's program in a container of the image's files alone.
   *
   * @param command a command of the program, which then runs beside the one that is there.
   */
  async runMember(
    { name, host }: ClusterNode,
    command: readonly string[],
    env: Record<string, string> = {},
  ): Promise<LabProcess> {
    const { cluster, prefix } = this.stretched;
    const pod = await accountCredentials(cluster, "wireguard-member", name);
    await host.run(["mkdir", "-p", "/etc/wireguard", "/run/wireguard"]);
    const bundle = new URL(`../../${bundlePath("spoke")}`, import.meta.url).pathname;
    return await startContainer(host, {
      command: [
        "/usr/local/bin/deno",
        ...runArguments("spoke", "/program/spoke.js"),
        ...command,
      ],
      mounts: [
        { source: Deno.execPath(), target: "/usr/local/bin/deno" },
        { source: bundle.replace(/\/[^/]+$/, ""), target: "/program" },
        { source: pod.folder, target: SERVICE_ACCOUNT_PATH },
        { source: "/etc/wireguard", target: "/etc/wireguard", writable: true },
        { source: "/run/wireguard", target: "/var/run/wireguard", writable: true },
      ],
      env: {
        ...pod.env,
        ...{ WG_MEMBER: "true", WG_TUNNEL_CIDRS: TUNNEL_CIDRS, NODE_NAME: name },
        ...{ ANNOTATION_PREFIX: prefix, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
        ...env,
      },
    });
  }

  /** Waits for something, and shows all logs if it does not come. */
  async until(what: string, ask: () => Promise<boolean>): Promise<void> {
    await eventually(what, async () => await ask() || undefined, () => this.logs(), PATIENCE);
  }

  /** Waits until a ping is answered. */
  async reaches(from: LabHost, address: string): Promise<void> {
    await this.until(`${from.name} reaches ${address}`, async () => {
      return (await from.exec("ping", ["-c", "1", "-W", "1", address])).code === 0;
    });
  }

  /** All that the programs have said. */
  logs(): string {
    const ours = this.#nodes.map(({ name, process }) => `--- ${name}\n${process?.output ?? ""}`);
    return [this.stretched.logs(), ...ours].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#nodes) await process?.[Symbol.asyncDispose]();
    await this.#parts[Symbol.asyncDispose]();
  }
}

async function addHub(
  stretched: StretchedCluster,
  vpc: Vpc,
  which: typeof HUB | typeof SECOND_HUB,
  number: number,
): Promise<Member> {
  const hub = await stretched.addHub(which);
  await vpc.attachHub(hub.host, "cluster0", number);
  const { ipv4, ipv6 } = vpcAddresses(0, number);
  await setNodeStatus(stretched.admin, which.node, {
    internalIPs: [ipv4, ipv6],
    externalIPs: [which.external],
  });
  await hub.process.waitForLine(/in step with the cluster/);
  return hub;
}
