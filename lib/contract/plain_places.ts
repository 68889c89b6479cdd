import { hostCidr } from "../ip/cidr.ts";
import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { DisjointCidrs, type Span, spanOf } from "./disjoint_cidrs.ts";
import { addressesOfOthers, endpointJudge, type LocalFacts } from "./local_facts.ts";
import type { PlainClaim } from "./plain_claim.ts";

/** A prefix that is new to its holder. */
export interface Fresh {
  readonly span: Span;
  /** Who may be reached there all the same: a member at its own. */
  readonly member: string | undefined;
}

/** Everybody's claims, and what is held, after some have changed. */
export interface PlacesAfter {
  readonly claims: ReadonlyMap<string, PlainClaim>;
  readonly taken: DisjointCidrs<string>;
  /** The claims that have changed, or are new. */
  readonly changed: readonly PlainClaim[];
  readonly fresh: readonly Fresh[];
  readonly facts: LocalFacts;
  /** Where peers were seen when all was well. */
  readonly learnedBefore: ReadonlyMap<PublicKey, ResolvedEndpoint>;
}

/**
 * Whether every peer may be where it says it is and where it was seen, and no prefix that is new to
 * its holder covers such a place, a member's own left out, or the address of a Node that is no peer.
 */
export function arePlacesPlain(
  { claims, taken, changed, fresh, facts, learnedBefore }: PlacesAfter,
): boolean {
  const faultOf = endpointJudge(facts, taken);
  const mayBeAt = ({ node, isMember }: PlainClaim, place: ResolvedEndpoint | undefined) =>
    !place || !faultOf(place.host, isMember ? node : undefined);
  for (const claim of changed) {
    if (!mayBeAt(claim, claim.endpoint)) return false;
    if (!mayBeAt(claim, facts.learned.get(claim.publicKey))) return false;
  }
  for (const claim of claims.values()) {
    const seen = facts.learned.get(claim.publicKey);
    const before = learnedBefore.get(claim.publicKey);
    if (seen !== before && seen?.host !== before?.host && !mayBeAt(claim, seen)) return false;
  }
  if (fresh.length === 0) return true;
  if (!facts.nodes) return false;
  const others = addressesOfOthers(facts.nodes, claims);
  if (fresh.some(({ span }) => others.overlapping(span))) return false;
  const covered = new DisjointCidrs<string | undefined>();
  for (const { span, member } of fresh) covered.add(span, member);
  for (const { node, endpoint, publicKey } of claims.values()) {
    for (const place of [endpoint, facts.learned.get(publicKey)]) {
      const cover = place && covered.overlapping(placeOf(place));
      if (cover && cover.owner !== node) return false;
    }
  }
  return true;
}

/** An endpoint is the same object until its Node, or the interface's reading, changes. */
const PLACES = new WeakMap<ResolvedEndpoint, Span>();

function placeOf(endpoint: ResolvedEndpoint): Span {
  const known = PLACES.get(endpoint);
  if (known) return known;
  const span = spanOf(hostCidr(endpoint.host));
  PLACES.set(endpoint, span);
  return span;
}
