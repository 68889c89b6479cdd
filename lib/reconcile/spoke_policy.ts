import type { IpAddress } from "../ip/address.ts";
import { readSmallFile } from "../netlink/libc.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { SystemError } from "../netlink/system_error.ts";
import type { WantedPeer } from "../wireguard/plan_device.ts";
import { OWN_MARK, policyFor, type ServerAddress, type WantedPolicy } from "./plan_policy.ts";

/** A machine that accepts a packet only by the interface that it would answer by (RFC 3704). */
const STRICT = 1;

/** Which of the peers' prefixes cannot be plain routes, as this machine is set up. */
export function spokePolicy(
  network: NetworkAccess,
  peers: readonly Pick<WantedPeer, "endpoint" | "allowedIPs">[],
  apiServers: readonly ServerAddress[],
): WantedPolicy {
  const policy = policyFor(peers, apiServers, false);
  if (policy.prefixes.length === 0) return policy;
  const outside = [
    ...peers.flatMap(({ endpoint }) => endpoint?.host ?? []),
    ...apiServers.map(({ address }) => address),
  ];
  return hasStrictPath(network, outside) ? policyFor(peers, apiServers, true) : policy;
}

/** The API server of a URL, at each of its addresses. */
export function serversOf(
  baseUrl: string | undefined,
  addressesOf: (host: string) => readonly IpAddress[],
): ServerAddress[] {
  if (baseUrl === undefined) return [];
  const { hostname, port, protocol } = new URL(baseUrl);
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = Number(port) || (protocol === "http:" ? 80 : 443);
  return addressesOf(host).map((address) => ({ address, port: number }));
}

/** The address that this machine speaks to the servers from, outside the tunnel. */
export function sourceTowards(
  network: NetworkAccess,
  [server]: readonly ServerAddress[],
): IpAddress | undefined {
  return server && network.routeTo(server.address, { mark: OWN_MARK })?.preferredSource;
}

/** Whether a packet from one of them (IPv4) has to come by the interface that leads there. */
function hasStrictPath(network: NetworkAccess, addresses: readonly IpAddress[]): boolean {
  const indexes = new Set(
    addresses.filter((address) => !address.includes(":"))
      .map((address) => network.routeTo(address, { mark: OWN_MARK })?.interfaceIndex),
  );
  const names = network.links().filter(({ index }) => indexes.has(index)).map(({ name }) => name);
  // The kernel takes the greater of the two numbers; 2 is loose (ip-sysctl).
  return names.some((name) => Math.max(reversePath("all"), reversePath(name)) === STRICT);
}

function reversePath(name: string): number {
  try {
    return Number(readSmallFile(`/proc/sys/net/ipv4/conf/${name}/rp_filter`));
  } catch (error) {
    if (error instanceof SystemError) return 0; // the interface has just gone, or there is no /proc
    throw error;
  }
}
