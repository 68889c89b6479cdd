import { type Cidr, hostCidr } from "../ip/cidr.ts";
import { type Claim, MAX_PREFIXES, quoted } from "./claim.ts";
import type { NodeView } from "./node.ts";
import type { Refusal } from "./refusal.ts";

/**
 * The claim of a member as it counts: what it asks for, as far as its Node has those addresses. They
 * are the cluster's word, not the member's own, and nothing else is a member given.
 *
 * @param node the Node with its status; undefined while that is not known: then the member keeps what
 * it has, as it does while its Node has no addresses.
 */
export function memberClaim(claim: Claim, node: Pick<NodeView, "status"> | undefined): Claim {
  const { allowedIPs: asked, ...rest } = claim;
  const internalIPs = (node?.status?.internalIPs ?? []).slice(0, MAX_PREFIXES).map(hostCidr);
  if (internalIPs.length === 0) return rest;
  if (!asked) return { ...rest, allowedIPs: internalIPs };
  const isOwn = (cidr: Cidr) => internalIPs.includes(cidr);
  const faults = asked.filter((cidr) => !isOwn(cidr)).map((cidr): Refusal => ({
    node: claim.node,
    subject: "allowed-ips",
    value: quoted(cidr),
    code: "out-of-bounds",
    reason: "is no InternalIP of its Node, and a member is given nothing else",
  }));
  return { ...rest, allowedIPs: asked.filter(isOwn), faults: [...claim.faults, ...faults] };
}
