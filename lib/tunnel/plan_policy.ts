import { NOBODYS_NETWORKS } from "../contract/nobodys_networks.ts";
import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, cidrParts, hostCidr } from "../ip/cidr.ts";
import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import { ROUTE_TABLE } from "../netlink/routes.ts";
import type { Rule } from "../netlink/rules.ts";
import { OUR_PROTOCOL } from "./plan_routes.ts";

/** The table of prefixes that hold what must be reached outside the tunnel. */
export const OWN_TABLE = 87;
/** The mark of the tunnel's own packets. Cilium keeps 0xf00, Kubernetes 0x4000 and 0x8000. */
export const OWN_MARK = 0x10;
/**
 * The priorities of our rules, just before the main table's own (32766). Never left to the kernel: it
 * would put them before the first there is, and Cilium moves `local` back to 100.
 */
export const RULE_PRIORITY = { OUTSIDE: 32763, MAIN_FIRST: 32764, TUNNEL: 32765 } as const;

/** Where a TCP server is that must be reached outside the tunnel. */
export interface ServerAddress {
  readonly address: IpAddress;
  readonly port: number;
}

/** What must be reached outside the tunnel, besides the tunnel's other ends. */
export interface OutsideServers {
  /** API servers, and the proxies in front of them. */
  readonly apiServers: readonly ServerAddress[];
  /** The name servers, where a name leads to one of those or to the hub; else none. */
  readonly resolvers: readonly IpAddress[];
}

/** Something reached by the main table alone, whatever prefix holds it. */
interface Exception {
  readonly to: Cidr;
  /** The port of the server, and its protocol's number (IANA); absent: whatever is sent there. */
  readonly service?: { readonly protocol: typeof TCP | typeof UDP; readonly port: number };
}

/** Which prefixes cannot be plain routes, and what stays outside of them. */
export interface WantedPolicy {
  /** To be routed by the table of their own. Empty: neither table nor rules. */
  readonly prefixes: readonly Cidr[];
  readonly exceptions: readonly Exception[];
}

/** Routes of the own table, by destination, and our rules. */
export interface Policy {
  readonly routes: ReadonlySet<Cidr>;
  readonly rules: readonly Rule[];
}

/** What to do, in this order: at no moment does the tunnel carry its own packets. */
export interface PolicyChanges {
  readonly addRoutes: readonly Cidr[];
  readonly addRules: readonly Rule[];
  readonly removeRules: readonly Rule[];
  readonly removeRoutes: readonly Cidr[];
}

/** A peer, as far as it matters here. */
interface RoutedPeer {
  readonly endpoint?: ResolvedEndpoint;
  readonly allowedIPs: readonly Cidr[];
}

/** Cloud machines ask these for their identity; nobody reaches them by another machine. */
const LINK_LOCAL = "169.254.0.0/16" as Cidr;
const TCP = 6;
const UDP = 17;
/** Name servers are asked by both (RFC 7766). */
const DNS = [UDP, TCP].map((protocol) => ({ protocol, port: 53 } as const));

/**
 * Finds the prefixes that hold a peer's endpoint or the API server: as plain routes they would send
 * the tunnel's packets into the tunnel, or the API's, so that a hub with a new key could never be
 * learned of. The same goes for a name server that knows where they are, unless it alone is asked for:
 * then it is behind the hub.
 *
 * @param strict the machine drops packets that come from where it would not send to (rp_filter 1): it
 * does not see the ports or the mark of the answer, so whole addresses are excepted.
 */
export function policyFor(
  peers: Iterable<RoutedPeer>,
  { apiServers, resolvers }: OutsideServers,
  strict: boolean,
): WantedPolicy {
  const all = [...peers];
  const endpoints = all.flatMap(({ endpoint }) => endpoint?.host ?? []);
  const asked = [...new Set(all.flatMap(({ allowedIPs }) => allowedIPs))];
  const nameServers = resolvers.map(hostCidr).filter((host) =>
    !asked.includes(host) && !NOBODYS_NETWORKS.some((network) => cidrContains(network, host))
  );
  const outside = [
    ...[...endpoints, ...apiServers.map(({ address }) => address)].map(hostCidr),
    ...nameServers,
  ];
  const prefixes = asked.filter((cidr) => outside.some((host) => cidrContains(cidr, host)));
  const inLinkLocal = asked.some((cidr) => cidrContains(LINK_LOCAL, cidr)); // then that is meant
  const exceptions: Exception[] = [
    ...(inLinkLocal ? [] : [{ to: LINK_LOCAL }]),
    ...(strict ? outside.map((to) => ({ to })) : [
      ...apiServers.map(({ address, port }) => ({
        to: hostCidr(address),
        service: { protocol: TCP, port } as const,
      })),
      ...nameServers.flatMap((to) => DNS.map((service) => ({ to, service }))),
    ]),
  ];
  return {
    prefixes,
    exceptions: exceptions.filter(({ to }) => prefixes.some((cidr) => cidrContains(cidr, to))),
  };
}

/** The table and the rules for what is wanted. */
export function policyOf({ prefixes, exceptions }: WantedPolicy): Policy {
  const base = { table: ROUTE_TABLE.MAIN, protocol: OUR_PROTOCOL };
  const rules = new Map<string, Rule>();
  const add = (rule: Rule) => rules.set(keyOf(rule), rule);
  for (const { to, service } of exceptions) {
    const { family } = cidrParts(to);
    add({
      ...base,
      family,
      priority: RULE_PRIORITY.OUTSIDE,
      to,
      ...(service && { ipProtocol: service.protocol, destinationPort: service.port }),
    });
  }
  for (const family of [4, 6] as const) {
    const lengths = prefixes.map(cidrParts).filter((parts) => parts.family === family)
      .map(({ prefixLength }) => prefixLength);
    if (lengths.length === 0) continue;
    // The machine's own routes that are as narrow as the prefix, or narrower, stay in force; of
    // default routes the tunnel's wins.
    const suppressPrefixLength = Math.max(0, Math.min(...lengths) - 1);
    add({ ...base, family, priority: RULE_PRIORITY.MAIN_FIRST, suppressPrefixLength });
    const priority = RULE_PRIORITY.TUNNEL;
    add({ ...base, family, priority, table: OWN_TABLE, mark: OWN_MARK, inverted: true });
  }
  return { routes: new Set(prefixes), rules: [...rules.values()] };
}

/** Whether a rule that was found is one of ours: only such are ever removed. */
export function isOurRule({ protocol, priority }: Rule): boolean {
  return protocol === OUR_PROTOCOL && priority >= RULE_PRIORITY.OUTSIDE &&
    priority <= RULE_PRIORITY.TUNNEL;
}

/** What turns the table and the rules that are there (ours alone) into those that are wanted. */
export function planPolicy(wanted: Policy, found: Policy): PolicyChanges {
  const has = new Set(found.rules.map(keyOf));
  const wants = new Set(wanted.rules.map(keyOf));
  const byPriority = (a: Rule, b: Rule) => a.priority - b.priority;
  return {
    addRoutes: [...wanted.routes].filter((cidr) => !found.routes.has(cidr)),
    // Exceptions before what they are excepted from; and the other way round.
    addRules: wanted.rules.filter((rule) => !has.has(keyOf(rule))).sort(byPriority),
    removeRules: found.rules.filter((rule) => !wants.has(keyOf(rule))).sort(byPriority).reverse(),
    removeRoutes: [...found.routes].filter((cidr) => !wanted.routes.has(cidr)),
  };
}

function keyOf(rule: Rule): string {
  return JSON.stringify(Object.entries(rule).sort(([a], [b]) => (a < b ? -1 : 1)));
}
