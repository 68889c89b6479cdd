import type { IpAddress } from "../ip/address.ts";
import {
  type Cidr,
  cidrContains,
  cidrParts,
  cidrsOverlap,
  hostCidr,
  type InterfaceAddress,
  networkOf,
} from "../ip/cidr.ts";
import { type Claim, quoted } from "./claim.ts";
import { NOBODYS_NETWORKS } from "./nobodys_networks.ts";
import type { Fault, Refusal } from "./refusal.ts";

/** What a spoke knows of itself when it judges what a hub asks it to route. */
export interface SpokeFacts {
  /** The addresses of the tunnel's own end (WG_ADDRESS). */
  readonly addresses: readonly InterfaceAddress[];
  /** Next hops of this machine's routes. */
  readonly gateways: readonly IpAddress[];
  /** Where its other interfaces lead to. */
  readonly otherRoutes: readonly Cidr[];
  /** Its name servers. */
  readonly resolvers: readonly IpAddress[];
}

/** What a spoke routes to the hub, and what it refuses of what was asked. */
export interface TunnelPrefixes {
  readonly prefixes: readonly Cidr[];
  readonly refusals: readonly Refusal[];
}

/**
 * The widest that an annotation may ask for, in bits: the largest private network of IPv4 (RFC 1918),
 * and what registries give to a large provider of IPv6. As many as one Node may name (64) are far from
 * everything still.
 */
const WIDEST = { 4: 8, 6: 16 } as const;
/** Private networks of IPv6 (RFC 4193): nobody on the internet has an address in them. */
const UNIQUE_LOCAL = "fc00::/7" as Cidr;

/**
 * The prefixes that lead into the tunnel: the user's own (HUB_ALLOWED_IPS) if given, else the hub's
 * annotation, else, as the original's script has it, the `.1` of the first three octets of each IPv4
 * address of ours.
 *
 * An annotation, being another machine's word, may not ask for everything, at once or by parts, nor
 * for what this machine reaches by its other interfaces, nor for its name servers. A user may.
 */
export function tunnelPrefixes(
  local: readonly Cidr[] | undefined,
  hub: Claim,
  facts: SpokeFacts,
): TunnelPrefixes {
  const asked = local ?? hub.allowedIPs ?? facts.addresses.flatMap(scriptDefault);
  const refusals: Refusal[] = [];
  const prefixes = [...new Set(asked)].filter((cidr) => {
    const fault = local ? undefined : faultOfAnnotated(cidr, facts);
    if (fault) {
      refusals.push({ node: hub.node, subject: "allowed-ips", value: quoted(cidr), ...fault });
    }
    return fault === undefined;
  });
  return { prefixes, refusals };
}

function faultOfAnnotated(cidr: Cidr, facts: SpokeFacts): Fault | undefined {
  const fault = (code: Fault["code"], reason: string): Fault => ({ code, reason });
  const { family, prefixLength } = cidrParts(cidr);
  if (prefixLength === 0) return fault("special-purpose", "asks for everything");
  const nobodys = NOBODYS_NETWORKS.find((one) => cidrsOverlap(cidr, one));
  if (nobodys) return fault("special-purpose", `overlaps ${nobodys}`);
  if (prefixLength < WIDEST[family] && !cidrContains(UNIQUE_LOCAL, cidr)) {
    return fault("out-of-bounds", `is wider than /${WIDEST[family]}: only HUB_ALLOWED_IPS may be`);
  }
  const covered = (address: IpAddress) => cidrContains(cidr, hostCidr(address));
  const gateway = facts.gateways.find(covered);
  if (gateway) return fault("neighbour", `covers ${gateway}, this machine's gateway`);
  const resolver = facts.resolvers.find(covered);
  if (resolver) return fault("neighbour", `covers ${resolver}, this machine's name server`);
  // A narrower route of this machine wins by itself: its pods' network within that of all pods, say.
  const route = facts.otherRoutes.find((one) => cidrContains(one, cidr));
  if (route) {
    return fault("route", `lies in ${route}, which this machine reaches by another interface`);
  }
}

/** The hub of a spoke as the original's script has it where the hub names no prefixes: none for IPv6. */
export function scriptDefault({ address }: InterfaceAddress): Cidr[] {
  if (address.includes(":")) return [];
  const first = address.replace(/\.\d+$/, ".1") as IpAddress;
  return [networkOf({ address: first, prefixLength: 32 })];
}
