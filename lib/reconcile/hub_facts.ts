import type { LocalFacts } from "../contract/admission.ts";
import { type Cidr, type InterfaceAddress, networkOf } from "../ip/cidr.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Device } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { endpointsOf } from "../wireguard/peer_endpoints.ts";
import type { Surroundings } from "./surroundings.ts";

/** The options of a hub that bound what peers may claim. */
export interface ClaimOptions {
  readonly address: readonly InterfaceAddress[];
  readonly peerCidrs: readonly Cidr[];
}

/** The facts against which the hub judges claims. */
export function hubFacts(
  { addresses, routes, gateways }: Surroundings,
  { address, peerCidrs }: ClaimOptions,
  ownKey: PublicKey,
  device: Device | undefined,
  apiServers: readonly IpAddress[],
  resolve: LocalFacts["resolve"],
): LocalFacts {
  return {
    ownKey,
    // The tunnel's own addresses may not be on the interface yet.
    ownAddresses: [...new Set([...addresses, ...address.map(({ address }) => address)])],
    tunnelNetworks: address.map(networkOf),
    peerCidrs,
    otherRoutes: routes,
    neighbours: [...gateways, ...apiServers],
    learned: endpointsOf(device),
    resolve,
  };
}
