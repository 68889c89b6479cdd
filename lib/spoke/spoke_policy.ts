import { type IpAddress, parseAddress } from "../ip/address.ts";
import { readSmallFile } from "../netlink/libc.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { SystemError } from "../netlink/system_error.ts";
import type { Environment } from "../options/parse_options.ts";
import type { WantedPeer } from "../wireguard/plan_device.ts";
import {
  type OutsideServers,
  OWN_MARK,
  policyFor,
  type ServerAddress,
  type WantedPolicy,
} from "../tunnel/plan_policy.ts";

/** A machine that accepts a packet only by the interface that it would answer by (RFC 3704). */
const STRICT = 1;

/** Which of the peers' prefixes cannot be plain routes, as this machine is set up. */
export function spokePolicy(
  network: NetworkAccess,
  peers: readonly Pick<WantedPeer, "endpoint" | "allowedIPs">[],
  servers: OutsideServers,
): WantedPolicy {
  const policy = policyFor(peers, servers, false);
  if (policy.prefixes.length === 0) return policy;
  const outside = [
    ...peers.flatMap(({ endpoint }) => endpoint?.host ?? []),
    ...servers.apiServers.map(({ address }) => address),
    ...servers.resolvers,
  ];
  return hasStrictPath(network, outside) ? policyFor(peers, servers, true) : policy;
}

/** Where the API server is, and the proxy in front of it, if the kubeconfig names one. */
export interface ApiAddress {
  readonly baseUrl: string | undefined;
  readonly proxyUrl: string | undefined;
}

/** Variables by which Deno's fetch finds a proxy, where the kubeconfig names none. */
const PROXY_VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);
/** Ports of URLs that name none. */
const PORTS: Readonly<Record<string, number>> = { "http:": 80, "socks5:": 1080, "socks5h:": 1080 };
const HTTPS_PORT = 443;

/**
 * Whom the requests to the API server go to, at each of their addresses: first the proxies, then the
 * server itself, since NO_PROXY may say that it is asked directly.
 */
export function serversOf(
  api: ApiAddress,
  env: Environment,
  addressesOf: (host: string) => readonly IpAddress[],
): ServerAddress[] {
  return urlsOf(api, env).flatMap((url) =>
    addressesOf(hostOf(url)).map((address) => ({
      address,
      port: Number(url.port) || (PORTS[url.protocol] ?? HTTPS_PORT),
    }))
  );
}

/**
 * Whether a name has to be resolved to reach the API server: it, or a proxy in front of it, is known
 * by one. While it is not known what it is known by (no credential is there yet), it may be.
 */
export function needsNames(api: ApiAddress | undefined, env: Environment): boolean {
  if (api?.baseUrl === undefined) return true;
  return urlsOf(api, env).some((url) => parseAddress(hostOf(url)) === undefined);
}

function urlsOf({ baseUrl, proxyUrl }: ApiAddress, env: Environment): URL[] {
  if (baseUrl === undefined) return [];
  const variables = PROXY_VARIABLES.flatMap((name) => env.get(name) || []);
  const proxies = proxyUrl === undefined ? variables : [proxyUrl];
  return [...new Set(proxies), baseUrl].flatMap(urlOf);
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** A proxy's scheme may be left out; what is no URL, Deno does not take for a proxy either. */
function urlOf(text: string): URL | [] {
  return URL.parse(text.includes("://") ? text : `http://${text}`) ?? [];
}

/**
 * The address that this machine speaks to the servers from, outside the tunnel: to the first that it
 * has a route to, for a name may have addresses of a family that this machine has none of.
 */
export function sourceTowards(
  network: Pick<NetworkAccess, "routeTo">,
  servers: readonly ServerAddress[],
): IpAddress | undefined {
  for (const { address } of servers) {
    const source = network.routeTo(address, { mark: OWN_MARK })?.preferredSource;
    if (source) return source;
  }
  return undefined;
}

/**
 * Whether a packet from one of them (IPv4) has to come by the interface that leads there. Then rules
 * by mark and port do not do, for the answer's look-up has neither. The sysctl src_valid_mark makes
 * that look-up take the answer's own mark, which is 0 unless the firewall copies it from the
 * connection (CONNMARK): so it is not touched, and whole addresses are excepted instead.
 */
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
