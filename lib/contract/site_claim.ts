import { type IpAddress, parseAddress, unmapAddress } from "../ip/address.ts";
import { type AnnotationKeys, MARKED } from "./annotation_keys.ts";
import { type Claim, claimOf, quoted } from "./claim.ts";
import type { NodeView } from "./node.ts";
import type { Refusal } from "./refusal.ts";

/** What a peer's Node says to the other peers, parsed. */
export interface SiteClaim extends Claim {
  /** The site that it is in. */
  readonly site?: string;
  /** Where peers of that site reach it. */
  readonly vpcIP?: IpAddress;
  /** It is on the hub's own network: an administrator says so. */
  readonly isMember: boolean;
  readonly isHub: boolean;
}

/** Reads a Node's labels and annotations. Garbage becomes faults; it never throws. */
export function siteClaimOf(node: NodeView, keys: AnnotationKeys): SiteClaim {
  const claim = claimOf(node, keys);
  const site = node.labels[keys.site];
  const text = node.annotations[keys.vpcIP];
  const vpcIP = text === undefined ? undefined : parseAddress(text.trim());
  const fault: Refusal[] = text === undefined || vpcIP ? [] : [{
    node: node.name,
    subject: "vpc-ip",
    value: quoted(text),
    code: "malformed",
    reason: "is no IP address",
  }];
  return {
    ...claim,
    faults: [...claim.faults, ...fault],
    ...(site !== undefined && site !== "" && { site }),
    ...(vpcIP && { vpcIP: unmapAddress(vpcIP) }),
    isMember: node.labels[keys.member] === MARKED,
    isHub: node.labels[keys.hub] === MARKED,
  };
}
