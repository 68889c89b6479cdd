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

const LINK_LOCAL = ["169.254.0.0/16", "fe80::/10"] as Cidr[];

/**
 * The prefixes that lead into the tunnel: the user's own (HUB_ALLOWED_IPS) if given, else the hub's
 * annotation, else, as the original's script has it, the `.1` of the first three octets of each IPv4
 * address of ours.
 *
 * An annotation, being another machine's word, may not ask for everything, nor for what this machine
 * reaches by its other interfaces, nor for its name servers. A user may.
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
  if (cidrParts(cidr).prefixLength === 0) return fault("special-purpose", "asks for everything");
  const linkLocal = LINK_LOCAL.find((one) => cidrsOverlap(cidr, one));
  if (linkLocal) return fault("special-purpose", `overlaps ${linkLocal}`);
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
