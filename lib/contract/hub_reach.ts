import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";

/**
 * What spokes will miss, for they send to the hub what its allowed-ips hold, and nothing else: Cilium
 * addresses the hub by its InternalIP, and spokes reach each other by the prefixes of peers.
 *
 * @param allowedIPs as the hub publishes them.
 * @param internalIPs of the hub's Node.
 * @param peerPrefixes what peers have been admitted with.
 * @returns a sentence for the administrator; undefined if nothing is missing.
 */
export function hubReachGap(
  allowedIPs: readonly Cidr[],
  internalIPs: readonly IpAddress[],
  peerPrefixes: Iterable<Cidr>,
): string | undefined {
  const lacks = (cidr: Cidr) => !allowedIPs.some((one) => cidrContains(one, cidr));
  const missing = [
    ...internalIPs.map(hostCidr).filter(lacks).map((cidr) => `the hub's InternalIP ${cidr}`),
    // Not which ones: they come and go, and this is to be said once.
    ...([...peerPrefixes].some(lacks) ? ["prefixes of peers"] : []),
  ];
  if (missing.length === 0) return undefined;
  return `what spokes send to this hub (${allowedIPs.join(",")}) lacks ${missing.join(" and ")}: ` +
    "they do not reach those; give --allowed-ips wider";
}
