import type { Clock } from "../clock.ts";
import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import { hubFromInside } from "../contract/hub_from_inside.ts";
import { memberPrefixes } from "../contract/member_prefixes.ts";
import { mayBeMember, planWithdrawal } from "../contract/publication.ts";
import { familyOf, type IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { EndpointResolver } from "../reconcile/endpoint_resolver.ts";
import { HubNeighbours } from "../reconcile/hub_neighbours.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { OwnTunnel } from "../tunnel/open_tunnel.ts";
import { narrowest, narrowPath, pathMtus } from "../tunnel/path_mtu.ts";
import type { SpokeCluster } from "./spoke_cluster.ts";
import { type Surroundings, tunnelMtu } from "../tunnel/surroundings.ts";
import type { RouteSources } from "../tunnel/wanted_tunnel.ts";
import type { SpokeTunnel, SpokeTunnelOptions } from "./wanted_spoke_tunnel.ts";

/** The parts of a {@linkcode MemberRole}. */
export interface MemberRoleParts {
  readonly options: SpokeTunnelOptions & { readonly hubAllowedIPs: readonly Cidr[] | undefined };
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  readonly own: Pick<OwnTunnel, "network" | "privateKey">;
  readonly names: Pick<EndpointResolver, "addresses">;
  readonly says: Pick<LoopLog, "matter" | "resultOf">;
  readonly clock: Pick<Clock, "random">;
  /** Default: reads this machine's name servers. */
  readonly resolvers?: (() => Promise<readonly IpAddress[]>) | undefined;
  /** What it knows of the cluster differs: look again. */
  onChange(): void;
}

/** What a member asks of the API beside what a spoke does. */
export type MemberApi = Pick<ApiClient, "host" | "serverHosts" | "getNode" | "patchNode">;

/** How long the API may take when the program ends, in ms: whoever ends it waits. */
const LAST_QUESTION = 3_000;

/** What a spoke sees of the cluster. */
type View = Pick<SpokeCluster, "hubs" | "peers" | "registered">;

/**
 * What a member does otherwise than a spoke: it finds the hub on its own network, has no address in
 * the tunnel, and sends what it was told to into it, as its Node's own address.
 */
export class MemberRole {
  readonly #parts: MemberRoleParts;
  #neighbours: HubNeighbours | undefined;

  constructor(parts: MemberRoleParts) {
    this.#parts = parts;
  }

  /** Keeps up to date where the API server is, until the signal says stop. */
  async run(api: MemberApi, signal: AbortSignal): Promise<void> {
    const { names, says, clock: { random }, resolvers, onChange } = this.#parts;
    this.#neighbours = new HubNeighbours({
      api,
      names,
      onChange,
      onResult: says.resultOf("addresses of the API server"),
      random,
      ...(resolvers && { resolvers }),
    });
    await this.#neighbours.run(signal);
  }

  /**
   * To be called when the program ends: its pod may have been ended because the node is to be no
   * member any more. Then the Node says nothing of it. An API that does not answer says nothing.
   *
   * @returns whether the tunnel is to go.
   */
  async hasEnded(api: MemberApi): Promise<boolean> {
    const { keys, nodeName } = this.#parts;
    const signal = AbortSignal.timeout(LAST_QUESTION);
    try {
      const node = await api.getNode(nodeName, signal);
      if (!node || mayBeMember(node, keys)) return false;
      const patch = planWithdrawal(node, keys, true);
      if (patch) await api.patchNode(nodeName, patch, signal);
      return node.labels[keys.hub] !== MARKED; // a hub makes the interface its own
    } catch {
      return false;
    }
  }

  /** The cluster from inside of its network. Before the API server's place is known, no hub is. */
  view(cluster: View | undefined): View | undefined {
    if (!cluster) return undefined;
    const { peers, registered, hubs } = cluster;
    if (!hubs || !this.#neighbours?.isComplete) return { hubs: undefined, peers, registered };
    const { keys } = this.#parts;
    const inside = [...hubs].map(([name, node]) =>
      [name, hubFromInside(node, keys, (address) => this.#reaches(address))] as const
    );
    return { hubs: new Map(inside), peers, registered };
  }

  /**
   * A member's end of the tunnel as it should be. As long as it is not known what must stay outside,
   * it stays as it is.
   *
   * @param peers the hub as the only peer, with all that was asked for.
   */
  wanted(
    { connected, gateways, addresses, underlayMtu }: Surroundings,
    peers: WantedPeers | undefined,
    cluster: Pick<SpokeCluster, "hubs" | "own"> | undefined,
  ): SpokeTunnel {
    const { options, own: { network, privateKey }, says } = this.#parts;
    const internalIPs = cluster?.own?.status?.internalIPs ?? [];
    const isKnown = this.#neighbours?.isComplete && internalIPs.length > 0;
    const known = isKnown ? peers : undefined;
    const paths = pathMtus(network, options.interface, known);
    const mtu = options.mtu ?? tunnelMtu(narrowest(paths) ?? underlayMtu);
    const device = { privateKey, listenPort: options.listenPort, fwmark: 0 };
    const base = { addresses: [], mtu };
    if (!known) return { wanted: { ...base, keepsRoutes: true, device }, narrow: undefined };
    const sources = sourcesOf(internalIPs, addresses);
    const endpoints = [...known.values()].flatMap(({ endpoint }) => endpoint?.host ?? []);
    const { prefixes, leftOut } = memberPrefixes(options.hubAllowedIPs ?? [], {
      hubs: [
        ...endpoints,
        ...[...cluster?.hubs?.values() ?? []].flatMap(({ status }) => status?.internalIPs ?? []),
      ],
      internalIPs,
      neighbours: [...gateways, ...this.#neighbours?.addresses ?? []],
      connected,
      sources,
    });
    says.matter("tunnel-cidrs", leftOut.length > 0 && "not all of --tunnel-cidrs goes to the hub", {
      leftOut: leftOut.join("; "),
    });
    const narrowed = [...known].map(([key, peer]) =>
      [key, { ...peer, allowedIPs: prefixes }] as const
    );
    return {
      wanted: { ...base, sources, device: { ...device, peers: new Map(narrowed) } },
      narrow: narrowPath(paths, mtu),
    };
  }

  #reaches(address: IpAddress): boolean {
    const { own: { network }, options } = this.#parts;
    const index = network.routeTo(address)?.interfaceIndex;
    return index !== undefined && index !== network.link(options.interface)?.index;
  }
}

/** The first InternalIP of each family that this machine has indeed. */
function sourcesOf(
  internalIPs: readonly IpAddress[],
  addresses: readonly IpAddress[],
): RouteSources {
  const own = internalIPs.filter((address) => addresses.includes(address));
  const [four, six] = [4, 6].map((family) => own.find((one) => familyOf(one) === family));
  return { ...(four && { 4: four }), ...(six && { 6: six }) };
}
