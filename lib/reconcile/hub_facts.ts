import type { LocalFacts } from "../contract/local_facts.ts";
import type { NodeView } from "../contract/node.ts";
import { type Cidr, type InterfaceAddress, networkOf } from "../ip/cidr.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Device } from "../wireguard/device.ts";
import { endpointsOf } from "../wireguard/peer_endpoints.ts";
import type { Surroundings } from "./surroundings.ts";

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
  /** The own Node, if it is known. */
  readonly ownNode: Pick<NodeView, "podCidrs"> | undefined;
}

/** The facts against which the hub judges claims. */
export function hubFacts(
  { addresses, routes, connected, gateways, podRoutes }: Surroundings,
  { address, peerCidrs, podCidrs = [] }: ClaimOptions,
  { ownKey, device, neighbours, nodes, ownNode, resolve }: Learned,
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
    nodes,
    podNetworks: [...podCidrs, ...ownNode?.podCidrs ?? [], ...podRoutes],
    learned: endpointsOf(device),
    resolve,
  };
}
