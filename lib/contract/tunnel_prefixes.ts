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
import { type Claim, quoted, type Refusal } from "./claim.ts";

/** What a spoke knows of itself when it judges what a hub asks it to route. */
export interface SpokeFacts {
  /** The addresses of the tunnel's own end (WG_ADDRESS). */
  readonly addresses: readonly InterfaceAddress[];
  /** The hub's endpoint, and the API server's addresses where they are known. */
  readonly outside: readonly IpAddress[];
  /** Next hops of this machine's routes. */
  readonly gateways: readonly IpAddress[];
  /** Where its other interfaces lead to. */
  readonly otherRoutes: readonly Cidr[];
}

/** What a spoke routes to the hub, and what it refuses of what was asked. */
export interface TunnelPrefixes {
  readonly prefixes: readonly Cidr[];
  readonly refusals: readonly Refusal[];
}

const LINK_LOCAL = "169.254.0.0/16" as Cidr;

/**
 * The prefixes that lead into the tunnel: the user's own (HUB_ALLOWED_IPS) if given, else the hub's
 * annotation, else, as the original's script has it, the `.1` of the first three octets of each IPv4
 * address of ours.
 *
 * Nobody may ask for a prefix that holds what must be reached outside the tunnel, or the tunnel
 * would carry itself. An annotation, being another machine's word, may further not ask for
 * everything, nor for what this machine reaches by its other interfaces.
 */
export function tunnelPrefixes(
  local: readonly Cidr[] | undefined,
  hub: Claim,
  facts: SpokeFacts,
): TunnelPrefixes {
  const asked = local ?? hub.allowedIPs ?? facts.addresses.flatMap(scriptDefault);
  const refusals: Refusal[] = [];
  const prefixes = [...new Set(asked)].filter((cidr) => {
    const reason = faultOf(cidr, facts) ?? (local ? undefined : faultOfAnnotated(cidr, facts));
    if (reason) {
      refusals.push({ node: hub.node, subject: "allowed-ips", value: quoted(cidr), reason });
    }
    return reason === undefined;
  });
  return { prefixes, refusals };
}

function faultOf(cidr: Cidr, { outside }: SpokeFacts): string | undefined {
  const inside = outside.find((address) => cidrContains(cidr, hostCidr(address)));
  return inside && `covers ${inside}, which must be reached outside the tunnel`;
}

function faultOfAnnotated(cidr: Cidr, facts: SpokeFacts): string | undefined {
  if (cidrParts(cidr).prefixLength === 0) return "asks for everything";
  if (cidrsOverlap(cidr, LINK_LOCAL)) return `overlaps ${LINK_LOCAL}`;
  const gateway = facts.gateways.find((address) => cidrContains(cidr, hostCidr(address)));
  if (gateway) return `covers ${gateway}, this machine's gateway`;
  const route = facts.otherRoutes.find((one) => cidrsOverlap(cidr, one));
  if (route) return `overlaps ${route}, which this machine reaches by another interface`;
}

function scriptDefault({ address }: InterfaceAddress): Cidr[] {
  if (address.includes(":")) return [];
  const first = address.replace(/\.\d+$/, ".1") as IpAddress;
  return [networkOf({ address: first, prefixLength: 32 })];
}
