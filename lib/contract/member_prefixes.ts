import type { IpAddress, IpFamily } from "../ip/address.ts";
import { type Cidr, cidrContains, cidrParts, cidrsOverlap, hostCidr } from "../ip/cidr.ts";
import { NOBODYS_NETWORKS } from "./nobodys_networks.ts";

/** What a member must reach by its own network, and what it is there. */
export interface MemberFacts {
  /** Where the hub is, and its Node's other addresses on the network. */
  readonly hubs: readonly IpAddress[];
  /** Those of its own Node. */
  readonly internalIPs: readonly IpAddress[];
  /** Next hops, the API server and name servers. */
  readonly neighbours: readonly IpAddress[];
  /** The networks in which this machine itself is. */
  readonly connected: readonly Cidr[];
  /** The address that its packets into the tunnel have, for each family that has one. */
  readonly sources: { readonly [_ in IpFamily]?: IpAddress };
}

/** What of `--tunnel-cidrs` goes into the tunnel, and why the rest does not, in words. */
export interface MemberPrefixes {
  readonly prefixes: readonly Cidr[];
  readonly leftOut: readonly string[];
}

/**
 * What a member sends into the tunnel: what its administrator has said, each prefix as a whole or not
 * at all. One that holds the hub would carry the tunnel's own packets; one that holds the member, or
 * whom it must reach by its network, would cut it off.
 */
export function memberPrefixes(asked: readonly Cidr[], facts: MemberFacts): MemberPrefixes {
  const prefixes: Cidr[] = [];
  const leftOut: string[] = [];
  for (const cidr of new Set(asked)) {
    const reason = reasonAgainst(cidr, facts);
    if (reason === undefined) prefixes.push(cidr);
    else leftOut.push(`${cidr} ${reason}`);
  }
  return { prefixes, leftOut };
}

function reasonAgainst(cidr: Cidr, facts: MemberFacts): string | undefined {
  const holds = (address: IpAddress) => cidrContains(cidr, hostCidr(address));
  const hub = facts.hubs.find(holds);
  if (hub) return `holds ${hub}, at which the hub itself is reached`;
  const own = facts.internalIPs.find(holds);
  if (own) return `holds ${own}, this node's own address`;
  const neighbour = facts.neighbours.find(holds);
  if (neighbour) return `holds ${neighbour}, a gateway, name server or API server of this node`;
  const network = facts.connected.find((one) => cidrContains(one, cidr));
  if (network) return `lies in ${network}, a network of this node itself`;
  const nobodys = NOBODYS_NETWORKS.find((one) => cidrsOverlap(one, cidr));
  if (nobodys) return `overlaps ${nobodys}`;
  const { family } = cidrParts(cidr);
  if (facts.sources[family]) return undefined;
  return `is IPv${family}, and this machine has no InternalIP of its Node in that family`;
}
