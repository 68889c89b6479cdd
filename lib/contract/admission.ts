import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";
import { type Endpoint, isResolved, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge, type Claim } from "./claim.ts";
import { DisjointCidrs, type Holding, type Span, spanOf, spansOf } from "./disjoint_cidrs.ts";
import { awaySince, byHolder, type ClaimHold, type Ledger } from "./ledger.ts";
import {
  addressesOfOthers,
  endpointJudge,
  type LocalFacts,
  memberPrefixJudge,
  prefixJudge,
} from "./local_facts.ts";
import type { Fault, Refusal, Remark } from "./refusal.ts";

/** A peer that may be told to the interface. */
export interface AdmittedPeer {
  readonly node: string;
  readonly publicKey: PublicKey;
  readonly endpoint?: ResolvedEndpoint;
  /** Its packets last came from where no peer can be: its endpoint is to be written again. */
  readonly strayed: boolean;
  readonly allowedIPs: readonly Cidr[];
  /** Its prefixes are its addresses on the hub's own network, where the hub itself reaches it. */
  readonly isMember?: true;
}

/** The outcome of one judgement. */
export interface Judgement {
  readonly admitted: ReadonlyMap<PublicKey, AdmittedPeer>;
  readonly refusals: readonly Refusal[];
  /** What is admitted otherwise than it was written. */
  readonly remarks: readonly Remark[];
  readonly ledger: Ledger;
}

/**
 * Judges the claims of all Nodes: which peers there shall be, with which prefixes, and what is
 * refused and why. One claim's faults never touch another. The outcome depends on the set of
 * claims, on the facts and on who held what before, never on the order in which they came.
 *
 * What a Node held is kept for it a while after it has gone or has no key any more; a Node that does
 * not say (yet) which prefixes it wants keeps those that it has.
 */
export function admit(
  claims: readonly Claim[],
  facts: LocalFacts,
  before: Ledger,
  hold: ClaimHold,
): Judgement {
  const refusals = claims.flatMap((claim) => claim.faults);
  const withKey = new Set(claims.filter(hasKey).map(({ node }) => node));
  const keyed = assignKeys(
    claims,
    facts.ownKey,
    before,
    awaySince(before, withKey, hold),
    refusals,
  );
  const away = awaySince(before, new Set(keyed.map(({ node }) => node)), hold);
  const names = new Set(claims.filter(({ isHub }) => !isHub).map(({ node }) => node));
  const taken = assignPrefixes(keyed, names, facts, before, away, refusals);
  const prefixes = taken.byOwner();
  const faultOfEndpoint = endpointJudge(facts, taken);
  const admitted = new Map<PublicKey, AdmittedPeer>();
  const ledger = { prefixes: new Map<Cidr, string>(), keys: new Map<PublicKey, string>() };
  const asMembers = new Map<Cidr, string>();
  for (const claim of keyed) {
    const { node, publicKey, isMember } = claim;
    const refuseEndpoint = (at: ResolvedEndpoint, fault: Fault) => {
      refusals.push({ node, subject: "endpoint", value: printEndpoint(at), ...fault });
    };
    const allowedIPs = prefixes.get(node) ?? [];
    let endpoint = claim.endpoint && resolved(claim.endpoint, facts); // undefined: not known yet
    const member = isMember ? node : undefined;
    const fault = endpoint && faultOfEndpoint(endpoint.host, member);
    if (endpoint && fault) refuseEndpoint(endpoint, fault);
    if (fault) endpoint = undefined;
    const learned = facts.learned.get(publicKey);
    const straying = learned && faultOfEndpoint(learned.host, member);
    if (learned && straying && !endpoint && !fault) {
      const reason = `is where its packets come from, but ${straying.reason}`;
      refuseEndpoint(learned, { ...straying, reason });
    }
    admitted.set(publicKey, {
      node,
      publicKey,
      ...(endpoint && { endpoint }),
      strayed: straying !== undefined,
      allowedIPs,
      ...(isMember && { isMember }),
    });
    ledger.keys.set(publicKey, node);
    for (const cidr of allowedIPs) ledger.prefixes.set(cidr, node);
    for (const cidr of isMember ? allowedIPs : leftMembership(claim, before)) {
      asMembers.set(cidr, node);
    }
  }
  for (const [key, node] of before.keys) {
    if (away.has(node) && !withKey.has(node) && !ledger.keys.has(key)) ledger.keys.set(key, node);
  }
  for (const node of away.keys()) {
    for (const cidr of prefixes.get(node) ?? []) {
      ledger.prefixes.set(cidr, node);
      if (before.asMembers.get(cidr) === node) asMembers.set(cidr, node);
    }
  }
  const holders = new Set([...ledger.prefixes.values(), ...ledger.keys.values()]);
  const released = new Map([...away].filter(([node]) => holders.has(node)));
  const remarks = claims.flatMap(({ remarks = [] }) => remarks);
  return { admitted, refusals, remarks, ledger: { ...ledger, released, asMembers } };
}

/** What a Node asks for and had as a member, which it is no more. */
function leftMembership({ node, isMember, allowedIPs }: Claim, { asMembers }: Ledger): Cidr[] {
  if (isMember || asMembers.size === 0) return [];
  if (allowedIPs) return allowedIPs.filter((cidr) => asMembers.get(cidr) === node);
  return [...asMembers].filter(([, holder]) => holder === node).map(([cidr]) => cidr);
}

type KeyedClaim = Claim & { readonly publicKey: PublicKey };

function hasKey(claim: Claim): claim is KeyedClaim {
  return claim.publicKey !== undefined;
}

function assignKeys(
  claims: readonly Claim[],
  ownKey: PublicKey,
  before: Ledger,
  away: ReadonlyMap<string, number>,
  refusals: Refusal[],
): KeyedClaim[] {
  const holders = new Map<PublicKey, KeyedClaim>();
  const holds = (claim: KeyedClaim) => before.keys.get(claim.publicKey) === claim.node;
  const candidates = claims.filter(hasKey)
    .sort((a, b) => Number(holds(b)) - Number(holds(a)) || byAge(a, b));
  for (const claim of candidates) {
    const { node, publicKey } = claim;
    const fault = faultOfKey(claim);
    if (fault) refusals.push({ node, subject: "public-key", value: publicKey, ...fault });
    else holders.set(publicKey, claim);
  }
  return [...holders.values()].sort(byAge);

  function faultOfKey({ publicKey: key, isMember, allowedIPs }: KeyedClaim): Fault | undefined {
    if (key === ownKey) return { code: "own", reason: "is the hub's own" };
    const holder = holders.get(key)?.node;
    if (holder !== undefined) return { code: "held", reason: `is held by node ${holder}` };
    const last = before.keys.get(key);
    if (last === undefined || !away.has(last)) return undefined;
    // The cluster says that it has an address of the member that has gone: it is that, by another name.
    const wasIts = (cidr: Cidr) =>
      before.prefixes.get(cidr) === last && before.asMembers.get(cidr) === last;
    if (isMember && allowedIPs?.some(wasIts)) return undefined;
    return { code: "kept", reason: `is kept for node ${last}, ${GONE}` };
  }
}

/** Why a Node does not keep what it had. */
const NO_MEMBER: Fault = {
  code: "out-of-bounds",
  reason: "was given to it as a member, which it is no more",
};

/** Why something is kept for a Node. */
const GONE = "which has only just gone";

/**
 * The prefixes that each Node gets: holders first, then those that have gone, then by age. A newcomer
 * further gets nothing that covers the place at which a known or older peer, or it itself, is
 * reached: the tunnel would carry itself, or one peer's packets would go to another. Nor the address
 * of a Node that is no peer; a holder keeps it, or any kubelet could drive out any peer by giving its
 * Node that peer's address.
 *
 * Members are reached at what they claim. What they are given is the cluster's word, so that they come
 * before other newcomers, and nothing of it is kept for a Node that has gone. Who is a member no more
 * cannot keep it.
 *
 * @param names of all Nodes that are peers, also those that get nothing.
 */
function assignPrefixes(
  claims: readonly KeyedClaim[],
  names: ReadonlySet<string>,
  facts: LocalFacts,
  before: Ledger,
  away: ReadonlyMap<string, number>,
  refusals: Refusal[],
): DisjointCidrs<string> {
  const faultOf = prefixJudge(facts);
  const faultOfMember = memberPrefixJudge(facts);
  const isOwnPlace = ownPlaceJudge(facts);
  const taken = new DisjointCidrs<string>();
  const take = (claim: KeyedClaim, span: Span, isHeld: boolean, placeFault?: Fault) => {
    const { node, isMember } = claim;
    const fault = (isMember ? faultOfMember(span) : faultOf(span, isHeld)) ?? placeFault ??
      faultOfOverlap(taken.add(span, node), away);
    if (fault) refusals.push({ node, subject: "allowed-ips", value: span.cidr, ...fault });
  };
  const { holdings, isHeld } = holdingJudge(before);
  const rest = new Map<KeyedClaim, Span[]>();
  for (const claim of claims) {
    const barred = leftMembership(claim, before);
    for (const cidr of barred) {
      refusals.push({ node: claim.node, subject: "allowed-ips", value: cidr, ...NO_MEMBER });
    }
    const asked = claim.allowedIPs ?? holdings().get(claim.node) ?? [];
    for (const span of spansOf(asked.filter((cidr) => !barred.includes(cidr)))) {
      if (isHeld(claim.node, span.cidr) && !isOwnPlace(claim, span)) take(claim, span, true);
      else if (rest.has(claim)) rest.get(claim)!.push(span);
      else rest.set(claim, [span]);
    }
  }
  const ofMembers = new Set(
    claims.flatMap(({ isMember, allowedIPs }) => isMember ? allowedIPs ?? [] : []),
  );
  for (const node of away.keys()) {
    const kept = (holdings().get(node) ?? []).filter((cidr) => !ofMembers.has(cidr));
    for (const cidr of kept) taken.add(spanOf(cidr), node);
  }
  if (rest.size === 0 || !facts.nodes) return taken;
  const nodes = addressesOfOthers(facts.nodes, names);
  const reached = new DisjointCidrs<string>();
  const faultOfEndpoint = endpointJudge(facts, taken);
  const reach = ({ node, publicKey, endpoint, isMember }: KeyedClaim) => {
    const member = isMember ? node : undefined;
    for (const at of [endpoint && resolved(endpoint, facts), facts.learned.get(publicKey)]) {
      if (at && !faultOfEndpoint(at.host, member)) reached.add(spanOf(hostCidr(at.host)), node);
    }
  };
  const isKnown = ({ node, publicKey }: KeyedClaim) => before.keys.get(publicKey) === node;
  claims.filter(isKnown).forEach(reach);
  const members = claims.filter(({ isMember }) => isMember);
  const others = members.length === 0 ? claims : claims.filter(({ isMember }) => !isMember);
  for (const claim of [...members, ...others]) {
    if (!isKnown(claim)) reach(claim);
    for (const span of rest.get(claim) ?? []) {
      const peer = claim.isMember ? undefined : reached.overlapping(span);
      take(claim, span, false, faultOfPlace(nodes.overlapping(span), peer));
    }
  }
  return taken;
}

/**
 * Tells whether a prefix is just the address outside the tunnel at which the hub reaches who asks for
 * it, though it is no member: it was one, and holds that since.
 */
function ownPlaceJudge(facts: LocalFacts): (claim: KeyedClaim, span: Span) => boolean {
  const faultOfEndpoint = endpointJudge(facts, new DisjointCidrs());
  return ({ isMember, publicKey }, { cidr }) => {
    if (isMember) return false;
    const at = facts.learned.get(publicKey);
    return at !== undefined && hostCidr(at.host) === cidr && !faultOfEndpoint(at.host);
  };
}

function faultOfPlace(
  node: Holding<string> | undefined,
  peer: Holding<string> | undefined,
): Fault | undefined {
  if (node) {
    const reason = `covers ${node.span.cidr}, an address of node ${node.owner}, which is no peer`;
    return { code: "node", reason };
  }
  if (!peer) return undefined;
  const reason = `covers the endpoint ${peer.span.cidr} of node ${peer.owner}`;
  return { code: "endpoint", reason };
}

/** Who held what, and whether a Node asks for what it held, or for a part of it. */
function holdingJudge(before: Ledger) {
  let known: ReadonlyMap<string, readonly Cidr[]> | undefined; // by Node: seldom needed
  const holdings = () => known ??= byHolder(before.prefixes);
  const isHeld = (node: string, cidr: Cidr) =>
    before.prefixes.get(cidr) === node ||
    (holdings().get(node)?.some((wider) => cidrContains(wider, cidr)) ?? false);
  return { holdings, isHeld };
}

function faultOfOverlap(
  holding: Holding<string> | undefined,
  away: ReadonlyMap<string, number>,
): Fault | undefined {
  if (!holding) return undefined;
  const { span: { cidr }, owner } = holding;
  return away.has(owner)
    ? { code: "kept", reason: `overlaps ${cidr}, which is kept for node ${owner}, ${GONE}` }
    : { code: "held", reason: `overlaps ${cidr}, which node ${owner} holds` };
}

function resolved(endpoint: Endpoint, facts: LocalFacts): ResolvedEndpoint | undefined {
  return isResolved(endpoint) ? endpoint : facts.resolve(endpoint);
}
