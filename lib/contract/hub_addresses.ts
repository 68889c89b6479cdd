import { addressBytes, addressFromBytes, type IpAddress } from "../ip/address.ts";
import {
  bitsOf,
  type Cidr,
  cidrContains,
  cidrParts,
  hostCidr,
  type InterfaceAddress,
} from "../ip/cidr.ts";
import { isResolved } from "../ip/endpoint.ts";
import type { Claim } from "./claim.ts";
import type { NodeView } from "./node.ts";
import { scriptDefault } from "./tunnel_prefixes.ts";

/**
 * The addresses that are a hub's, as far as a spoke can know: what hubs' Nodes name one by one, those
 * of the Nodes themselves, and, since a hub that names only networks does not say which address in
 * them is its own, the first of each network that the spoke is in.
 *
 * @param prefixes what is routed to the hub.
 * @param own the addresses of the spoke's own end.
 */
export function hubAddresses(
  claims: readonly Claim[],
  nodes: Iterable<NodeView>,
  prefixes: readonly Cidr[],
  own: readonly InterfaceAddress[],
): IpAddress[] {
  const named = claims.flatMap(({ allowedIPs = [], endpoint }) => [
    ...allowedIPs.map(cidrParts)
      .filter(({ prefixLength, family }) => prefixLength === bitsOf(family))
      .map(({ address }) => address),
    ...(endpoint && isResolved(endpoint) ? [endpoint.host] : []),
  ]);
  const ofNodes = [...nodes].flatMap(({ status }) => [
    ...status?.internalIPs ?? [],
    ...status?.externalIPs ?? [],
  ]);
  const hosts = own.map(({ address }) => hostCidr(address));
  const first = prefixes.filter((cidr) =>
    !hosts.includes(cidr) && hosts.some((host) => cidrContains(cidr, host))
  ).map(firstHost);
  const byConvention = own.flatMap(scriptDefault).map((cidr) => cidrParts(cidr).address);
  return [...new Set([...named, ...ofNodes, ...first, ...byConvention])]
    .filter((address) => !hosts.includes(hostCidr(address)));
}

function firstHost(cidr: Cidr): IpAddress {
  const bytes = addressBytes(cidrParts(cidr).address);
  bytes[bytes.length - 1] = bytes.at(-1)! | 1;
  return addressFromBytes(bytes);
}
