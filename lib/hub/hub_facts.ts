import type { LocalFacts } from "../contract/local_facts.ts";
import type { NodeView } from "../contract/node.ts";
import { type Cidr, hostCidr, type InterfaceAddress, networkOf } from "../ip/cidr.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Device } from "../wireguard/device.ts";
import { endpointsOf } from "../wireguard/peer_endpoints.ts";
import type { Surroundings } from "../tunnel/surroundings.ts";

/** The options of a hub that bound what peers may claim. */
export interface ClaimOptions {
  readonly address: readonly InterfaceAddress[];
  readonly peerCidrs: readonly Cidr[];
  readonly podCidrs?: readonly Cidr[] | undefined;
}

/** What the hub learns beside its surroundings. */
export interface Learned extends Pick<LocalFacts, "ownKey" | "nodes" | "resolve"> {
  readonly device: Device | undefined;
  /** Whom the hub must reach outside the tunnel, beside its gateways. */
  readonly neighbours: readonly IpAddress[];
  /** The hubs' Nodes. One that is labelled as a peer, too, is not among `nodes`. */
  readonly hubs: Iterable<NodeView>;
  /** The own Node, if it is known. */
  readonly ownNode: Pick<NodeView, "podCidrs"> | undefined;
}

/** The facts against which the hub judges claims. */
export function hubFacts(
  { addresses, routes, connected, gateways, podRoutes }: Surroundings,
  { address, peerCidrs, podCidrs = [] }: ClaimOptions,
  { ownKey, device, neighbours, nodes, hubs, ownNode, resolve }: Learned,
): LocalFacts {
  return {
    ownKey,
    // The tunnel's own addresses may not be on the interface yet.
    ownAddresses: [...new Set([...addresses, ...address.map(({ address }) => address)])],
    tunnelNetworks: address.map(networkOf),
    peerCidrs,
    otherRoutes: routes,
    connected,
    neighbours: [...gateways, ...neighbours],
    nodes: nodes && new Map([...nodes, ...hubAddresses(hubs)]),
    podNetworks: [...podCidrs, ...ownNode?.podCidrs ?? [], ...podRoutes],
    learned: endpointsOf(device),
    resolve,
  };
}

function hubAddresses(hubs: Iterable<NodeView>): [string, Cidr[]][] {
  return [...hubs].map(({ name, status }) => [
    name,
    [...status?.internalIPs ?? [], ...status?.externalIPs ?? []].map(hostCidr),
  ]);
}
