import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";
import { type Endpoint, isResolved, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge, type Claim, type Refusal } from "./claim.ts";
import {
  DisjointCidrs,
  type Holding,
  type Span,
  spanContains,
  spanOf,
  spansOf,
} from "./disjoint_cidrs.ts";

/** A peer that may be told to the interface. */
export interface AdmittedPeer {
  readonly node: string;
  readonly publicKey: PublicKey;
  readonly endpoint?: ResolvedEndpoint;
  readonly allowedIPs: readonly Cidr[];
}

/** What this machine knows of itself, against which claims are judged. */
export interface LocalFacts {
  readonly ownKey: PublicKey;
  /** Every address of this machine. */
  readonly ownAddresses: readonly IpAddress[];
  /** The networks of the tunnel's own addresses. */
  readonly tunnelNetworks: readonly Cidr[];
  /** The bounds: a claim lies within one of them, or is refused. */
  readonly peerCidrs: readonly Cidr[];
  /** Where other devices lead to, default routes left out. */
  readonly otherRoutes: readonly Cidr[];
  /** Gateways of routes, and addresses of the API server. */
  readonly neighbours: readonly IpAddress[];
  /** Addresses for the names in endpoints, as far as they are known. */
  resolve(endpoint: Endpoint): ResolvedEndpoint | undefined;
}

/** Who held what when the last judgement was made: prefixes and keys by Node name. */
export interface Ledger {
  readonly prefixes: ReadonlyMap<Cidr, string>;
  readonly keys: ReadonlyMap<PublicKey, string>;
}

/** The ledger of somebody who has judged nothing yet. */
export const EMPTY_LEDGER: Ledger = { prefixes: new Map(), keys: new Map() };

/** The outcome of one judgement. */
export interface Judgement {
  readonly admitted: ReadonlyMap<PublicKey, AdmittedPeer>;
  readonly refusals: readonly Refusal[];
  readonly ledger: Ledger;
}

/** Never a peer's, whatever the bounds say: RFC 6890 special-purpose networks. */
const NEVER = disjoint([
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "::ffff:0:0/96",
  "fe80::/10",
  "ff00::/8",
] as Cidr[]);

/**
 * Judges the claims of all Nodes: which peers there shall be, with which prefixes, and what is
 * refused and why. One claim's faults never touch another. The outcome depends on the set of
 * claims, on the facts and on who held what before, never on the order in which they came.
 */
export function admit(claims: readonly Claim[], facts: LocalFacts, before: Ledger): Judgement {
  const refusals = claims.flatMap((claim) => claim.faults);
  const keyed = assignKeys(claims, facts.ownKey, before, refusals);
  const taken = assignPrefixes(keyed, facts, before, refusals);
  const prefixes = taken.byOwner();
  const faultOfEndpoint = endpointJudge(facts, taken);
  const admitted = new Map<PublicKey, AdmittedPeer>();
  const ledger = { prefixes: new Map<Cidr, string>(), keys: new Map<PublicKey, string>() };
  for (const claim of keyed) {
    const allowedIPs = prefixes.get(claim.node) ?? [];
    let endpoint = claim.endpoint && resolved(claim.endpoint, facts); // undefined: not known yet
    const reason = endpoint && faultOfEndpoint(endpoint.host);
    if (endpoint && reason) {
      const value = printEndpoint(endpoint);
      refusals.push({ node: claim.node, subject: "endpoint", value, reason });
      endpoint = undefined;
    }
    admitted.set(claim.publicKey, {
      node: claim.node,
      publicKey: claim.publicKey,
      ...(endpoint && { endpoint }),
      allowedIPs,
    });
    ledger.keys.set(claim.publicKey, claim.node);
    for (const cidr of allowedIPs) ledger.prefixes.set(cidr, claim.node);
  }
  return { admitted, refusals, ledger };
}

type KeyedClaim = Claim & { readonly publicKey: PublicKey };

function assignKeys(
  claims: readonly Claim[],
  ownKey: PublicKey,
  before: Ledger,
  refusals: Refusal[],
): KeyedClaim[] {
  const holders = new Map<PublicKey, KeyedClaim>();
  const holds = (claim: KeyedClaim) => before.keys.get(claim.publicKey) === claim.node;
  const candidates = claims.filter((claim): claim is KeyedClaim => claim.publicKey !== undefined)
    .sort((a, b) => Number(holds(b)) - Number(holds(a)) || byAge(a, b));
  for (const claim of candidates) {
    const holder = holders.get(claim.publicKey);
    if (claim.publicKey !== ownKey && !holder) holders.set(claim.publicKey, claim);
    else {
      refusals.push({
        node: claim.node,
        subject: "public-key",
        value: claim.publicKey,
        reason: holder ? `is held by node ${holder.node}` : "is the hub's own",
      });
    }
  }
  return [...holders.values()].sort(byAge);
}

/**
 * The prefixes that each Node gets: holders first, then by age. A newcomer further gets nothing that
 * covers the place at which a known or older peer, or it itself, is reached: the tunnel would carry
 * itself, or one peer's packets would go to another.
 */
function assignPrefixes(
  claims: readonly KeyedClaim[],
  facts: LocalFacts,
  before: Ledger,
  refusals: Refusal[],
): DisjointCidrs<string> {
  const faultOf = prefixJudge(facts);
  const taken = new DisjointCidrs<string>();
  const take = (node: string, span: Span, endpointFault?: string) => {
    const reason = faultOf(span) ?? endpointFault ?? faultOfOverlap(taken.add(span, node));
    if (reason) refusals.push({ node, subject: "allowed-ips", value: span.cidr, reason });
  };
  const isHeld = holdingJudge(before);
  const rest = new Map<KeyedClaim, Span[]>();
  for (const claim of claims) {
    for (const span of spansOf(claim.allowedIPs ?? [])) {
      if (isHeld(claim.node, span.cidr)) take(claim.node, span);
      else if (rest.has(claim)) rest.get(claim)!.push(span);
      else rest.set(claim, [span]);
    }
  }
  if (rest.size === 0) return taken;
  const reached = new DisjointCidrs<string>();
  const faultOfEndpoint = endpointJudge(facts, taken);
  const reach = ({ node, endpoint }: KeyedClaim) => {
    const host = endpoint && resolved(endpoint, facts)?.host;
    if (host && !faultOfEndpoint(host)) reached.add(spanOf(hostCidr(host)), node);
  };
  const isKnown = ({ node, publicKey }: KeyedClaim) => before.keys.get(publicKey) === node;
  claims.filter(isKnown).forEach(reach);
  for (const claim of claims) {
    if (!isKnown(claim)) reach(claim);
    for (const span of rest.get(claim) ?? []) {
      const peer = reached.overlapping(span);
      take(claim.node, span, peer && `covers the endpoint ${peer.span.cidr} of node ${peer.owner}`);
    }
  }
  return taken;
}

/** Tells whether a Node asks for what it held, or for a part of it. */
function holdingJudge(before: Ledger): (node: string, cidr: Cidr) => boolean {
  let holdings: Map<string, Cidr[]> | undefined; // by Node: seldom needed
  return (node, cidr) => {
    if (before.prefixes.get(cidr) === node) return true;
    holdings ??= byHolder(before.prefixes);
    return holdings.get(node)?.some((wider) => cidrContains(wider, cidr)) ?? false;
  };
}

function byHolder(prefixes: Ledger["prefixes"]): Map<string, Cidr[]> {
  const holdings = new Map<string, Cidr[]>();
  for (const [cidr, node] of prefixes) {
    const known = holdings.get(node);
    if (known) known.push(cidr);
    else holdings.set(node, [cidr]);
  }
  return holdings;
}

function faultOfOverlap(holding: Holding<string> | undefined): string | undefined {
  return holding && `overlaps ${holding.span.cidr}, which node ${holding.owner} holds`;
}

/** Tells why a prefix can be nobody's, or undefined if it can. */
function prefixJudge(facts: LocalFacts): (span: Span) => string | undefined {
  const bounds = disjoint(facts.peerCidrs);
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const routes = disjoint(facts.otherRoutes);
  const neighbours = disjoint(facts.neighbours.map(hostCidr));
  return (span) => {
    const never = NEVER.overlapping(span);
    if (never) return `overlaps ${never.span.cidr}, which no peer may have`;
    const bound = bounds.overlapping(span);
    if (!bound || !spanContains(bound.span, span)) return "lies outside --peer-cidrs";
    const address = own.overlapping(span);
    if (address) return `covers ${address.span.cidr}, an address of the hub`;
    const route = routes.overlapping(span);
    if (route) return `overlaps ${route.span.cidr}, which the hub reaches by another interface`;
    const neighbour = neighbours.overlapping(span);
    if (neighbour) {
      return `covers ${neighbour.span.cidr}, which the hub must reach outside the tunnel`;
    }
  };
}

function disjoint(cidrs: readonly Cidr[]): DisjointCidrs<"one"> {
  const set = new DisjointCidrs<"one">();
  for (const cidr of cidrs) set.add(spanOf(cidr), "one");
  return set;
}

function resolved(endpoint: Endpoint, facts: LocalFacts): ResolvedEndpoint | undefined {
  return isResolved(endpoint) ? endpoint : facts.resolve(endpoint);
}

/** Tells why no peer can be at an address, or undefined if one can. */
function endpointJudge(
  facts: LocalFacts,
  taken: DisjointCidrs<string>,
): (host: IpAddress) => string | undefined {
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const tunnel = disjoint(facts.tunnelNetworks);
  return (host) => {
    const span = spanOf(hostCidr(host));
    if (NEVER.overlapping(span)) return "is no address at which a peer can be";
    if (own.overlapping(span)) return "is an address of the hub";
    const network = tunnel.overlapping(span);
    if (network) return `lies inside the tunnel's own network ${network.span.cidr}`;
    const held = taken.overlapping(span);
    if (held) return `lies inside ${held.span.cidr}, a prefix of node ${held.owner}`;
  };
}
