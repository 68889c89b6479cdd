import { type Cidr, cidrContains } from "../ip/cidr.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { admit, type AdmittedPeer, type Judgement } from "./admission.ts";
import type { Claim } from "./claim.ts";
import { DisjointCidrs, type Span, spanOf, spansOf } from "./disjoint_cidrs.ts";
import type { ClaimHold, Ledger } from "./ledger.ts";
import { MapEdits } from "./map_edits.ts";
import { isPlain, type PlainClaim } from "./plain_claim.ts";
import { arePlacesPlain, type Fresh } from "./plain_places.ts";
import { type LocalFacts, memberPrefixJudge, prefixJudge } from "./local_facts.ts";
import { sameFacts } from "./same_facts.ts";

/** With more changes than this at once, all is judged afresh. */
const FEW = 100;

/** A judgement whose maps can be changed. */
interface OwnJudgement extends Judgement {
  readonly admitted: Map<PublicKey, AdmittedPeer>;
  readonly ledger: {
    readonly prefixes: Map<Cidr, string>;
    readonly keys: Map<PublicKey, string>;
    readonly released: Map<string, number>;
    readonly asMembers: Map<Cidr, string>;
  };
}

/** A judgement in which all that was asked for was granted, and what it was made of. */
interface Standing {
  readonly claims: Map<string, PlainClaim>;
  readonly facts: LocalFacts;
  readonly now: number;
  readonly judgement: OwnJudgement;
  /** What is held, also for those that have gone. */
  readonly taken: DisjointCidrs<string>;
}

/** One Node's claim as it was and as it is; absent where there was or is none. */
interface Change {
  readonly node: string;
  readonly before?: PlainClaim;
  readonly after?: PlainClaim;
}

/**
 * Judges claims again and again, with the outcome of {@linkcode admit} each time. Most of the time
 * nothing differs but a claim or two, and everybody has what they ask for. Then those claims alone are
 * judged against what the others hold: the others keep it, as holders do. Whatever is not that plain,
 * any fault above all, is left to {@linkcode admit}, which judges all.
 *
 * A judgement is good until the next, which may be made by changing its maps: with thousands of peers,
 * copying them is what would cost most.
 */
export class RepeatedAdmission {
  #standing: Standing | undefined;

  /** As {@linkcode admit}. */
  admit(
    claims: readonly Claim[],
    facts: LocalFacts,
    before: Ledger,
    hold: ClaimHold,
  ): Judgement {
    const standing = this.#standing;
    this.#standing = undefined; // it is changed on the way, and holds only if that succeeds
    const again = standing?.judgement.ledger === before &&
      judgeChanges(standing, claims, facts, hold);
    if (again) {
      this.#standing = again;
      return again.judgement;
    }
    const judgement = admit(claims, facts, before, hold);
    this.#standing = standingOf(claims, facts, judgement, hold.now);
    return judgement;
  }
}

/** Undefined if anything is refused or out of the ordinary. */
function standingOf(
  claims: readonly Claim[],
  facts: LocalFacts,
  judgement: Judgement,
  now: number,
): Standing | undefined {
  if (judgement.refusals.length > 0 || judgement.remarks.length > 0) return undefined;
  if (!facts.nodes) return undefined; // newcomers wait, and nobody has refused them anything
  if (!claims.every(isPlain)) return undefined;
  for (const peer of judgement.admitted.values()) if (peer.strayed) return undefined;
  const taken = new DisjointCidrs<string>();
  for (const [cidr, node] of judgement.ledger.prefixes) taken.add(spanOf(cidr), node);
  const byNode = new Map(claims.map((claim) => [claim.node, claim]));
  if (byNode.size !== claims.length) return undefined;
  return { claims: byNode, facts, now, judgement: judgement as OwnJudgement, taken };
}

/** The judgement that follows from what has changed; undefined if that is not plain. */
function judgeChanges(
  standing: Standing,
  claims: readonly Claim[],
  facts: LocalFacts,
  hold: ClaimHold,
): Standing | undefined {
  const { judgement: { admitted, ledger }, taken } = standing;
  if (hold.now < standing.now || !sameFacts(facts, standing.facts)) return undefined;
  for (const since of ledger.released.values()) {
    if (hold.now - since >= hold.holdMs) return undefined;
  }
  const changes = changesOf(standing.claims, claims);
  if (!changes) return undefined;
  const next: Draft = {
    admitted: new MapEdits(admitted),
    prefixes: new MapEdits(ledger.prefixes),
    keys: new MapEdits(ledger.keys),
    released: new MapEdits(ledger.released),
    asMembers: new MapEdits(ledger.asMembers),
    fresh: [],
  };
  const asked: { readonly claim: PlainClaim; readonly held: readonly Cidr[] }[] = [];
  for (const { node, before, after } of changes) {
    if (before && after && before.isMember !== after.isMember) return undefined;
    const held = after ? heldBy(node, before, standing) : []; // of one that has gone it stays
    for (const cidr of held) {
      if (ledger.asMembers.get(cidr) !== node) continue;
      if (!after?.isMember) return undefined;
      next.asMembers.delete(cidr);
    }
    if (before) next.admitted.delete(before.publicKey);
    if (after) {
      standing.claims.set(node, after);
      asked.push({ claim: after, held });
      for (const key of keysOf(node, before, ledger)) next.keys.delete(key);
    } else {
      if (hold.holdMs <= 0) return undefined;
      standing.claims.delete(node);
      next.released.set(node, hold.now); // what it had stays in place for it
    }
  }
  const means = {
    facts,
    taken,
    isFaulty: prefixJudge(facts),
    isFaultyOfMember: memberPrefixJudge(facts),
  };
  for (const { claim, held } of asked) {
    if (!grant(claim, held, next, means)) return undefined;
  }
  const after = {
    claims: standing.claims,
    taken,
    changed: asked.map(({ claim }) => claim),
    fresh: next.fresh,
    facts,
    learnedBefore: standing.facts.learned,
  };
  if (!arePlacesPlain(after)) return undefined;
  const { admitted: peers, prefixes, keys, released, asMembers } = next;
  for (const edits of [peers, prefixes, keys, released, asMembers]) edits.commit();
  return { ...standing, facts, now: hold.now };
}

/** Undefined if they are many, or not plain. */
function changesOf(
  known: ReadonlyMap<string, PlainClaim>,
  claims: readonly Claim[],
): Change[] | undefined {
  const changes: Change[] = [];
  let kept = 0;
  for (const claim of claims) {
    const before = known.get(claim.node);
    if (before) kept++;
    if (before === claim) continue;
    if (changes.length === FEW || !isPlain(claim)) return undefined;
    changes.push({ node: claim.node, after: claim, ...(before && { before }) });
  }
  if (kept < known.size) {
    const present = new Set(claims.map(({ node }) => node));
    for (const [node, before] of known) if (!present.has(node)) changes.push({ node, before });
  }
  return changes.length <= FEW ? changes : undefined;
}

/** What the next judgement is built of. */
interface Draft {
  readonly admitted: MapEdits<PublicKey, AdmittedPeer>;
  readonly prefixes: MapEdits<Cidr, string>;
  readonly keys: MapEdits<PublicKey, string>;
  readonly released: MapEdits<string, number>;
  readonly asMembers: MapEdits<Cidr, string>;
  /** Prefixes that their holders did not have before. */
  readonly fresh: Fresh[];
}

/** What a Node held: by its claim, or kept for it since it had gone. */
function heldBy(node: string, before: Claim | undefined, { judgement }: Standing): readonly Cidr[] {
  const { admitted, ledger } = judgement;
  if (before) return admitted.get(before.publicKey!)?.allowedIPs ?? [];
  if (!ledger.released.has(node)) return [];
  return [...ledger.prefixes].filter(([, holder]) => holder === node).map(([cidr]) => cidr);
}

/** The keys that are noted for a Node. */
function keysOf(
  node: string,
  before: PlainClaim | undefined,
  { keys, released }: Ledger,
): readonly PublicKey[] {
  if (before) return [before.publicKey];
  if (!released.has(node)) return [];
  return [...keys].filter(([, holder]) => holder === node).map(([key]) => key);
}

/** Gives a Node what it asks for in place of what it held. @returns false if anything forbids that. */
function grant(
  { node, publicKey, endpoint, allowedIPs, isMember }: PlainClaim,
  held: readonly Cidr[],
  next: Draft,
  { facts, taken, isFaulty, isFaultyOfMember }: {
    readonly facts: LocalFacts;
    readonly taken: DisjointCidrs<string>;
    readonly isFaulty: ReturnType<typeof prefixJudge>;
    readonly isFaultyOfMember: ReturnType<typeof memberPrefixJudge>;
  },
): boolean {
  if (publicKey === facts.ownKey || (next.keys.get(publicKey) ?? node) !== node) return false;
  next.keys.set(publicKey, node);
  next.released.delete(node);
  for (const cidr of held) {
    taken.remove(spanOf(cidr));
    next.prefixes.delete(cidr);
  }
  const spans = spansOf(allowedIPs);
  for (const span of spans) {
    const isHeld = held.some((wider) => cidrContains(wider, span.cidr));
    if (isMember ? isFaultyOfMember(span) : isFaulty(span, isHeld)) return false;
    if (taken.add(span, node)) return false;
    if (!isHeld) next.fresh.push({ span, member: isMember ? node : undefined });
  }
  const granted = inOrder(spans.filter((span) => taken.overlapping(span)?.span.cidr === span.cidr));
  for (const cidr of granted) {
    next.prefixes.set(cidr, node);
    if (isMember) next.asMembers.set(cidr, node);
  }
  next.admitted.set(publicKey, {
    node,
    publicKey,
    ...(endpoint && { endpoint }),
    strayed: false,
    allowedIPs: granted,
    ...(isMember && { isMember }),
  });
  return true;
}

/** Each network once, in the order in which {@linkcode admit} has them. */
function inOrder(spans: readonly Span[]): Cidr[] {
  const sorted = spans.toSorted((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1));
  return [...new Set(sorted.map(({ cidr }) => cidr))];
}
