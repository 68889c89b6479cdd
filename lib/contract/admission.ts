import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, hostCidr } from "../ip/cidr.ts";
import { type Endpoint, isResolved, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { Claim, Refusal } from "./claim.ts";
import { DisjointCidrs } from "./disjoint_cidrs.ts";

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
  const admitted = new Map<PublicKey, AdmittedPeer>();
  const ledger = { prefixes: new Map<Cidr, string>(), keys: new Map<PublicKey, string>() };
  for (const claim of keyed) {
    const allowedIPs = prefixes.get(claim.node) ?? [];
    const endpoint = judgeEndpoint(claim, facts, taken, refusals);
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

/** Older Nodes first; of two born in the same second, the lesser name. */
function byAge(a: Claim, b: Claim): number {
  return a.createdAt - b.createdAt || (a.node < b.node ? -1 : 1);
}

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

/** The prefixes that each Node gets: holders first, then by age. */
function assignPrefixes(
  claims: readonly KeyedClaim[],
  facts: LocalFacts,
  before: Ledger,
  refusals: Refusal[],
): DisjointCidrs<string> {
  const asked = claims.flatMap((claim) =>
    (claim.allowedIPs ?? []).map((cidr) => ({ node: claim.node, cidr }))
  );
  const held = ({ node, cidr }: typeof asked[number]) => before.prefixes.get(cidr) === node;
  const inOrder = [...asked.filter(held), ...asked.filter((one) => !held(one))];
  const faultOf = prefixJudge(facts);
  const taken = new DisjointCidrs<string>();
  for (const { node, cidr } of inOrder) {
    const reason = faultOf(cidr) ?? faultOfOverlap(taken.add(cidr, node));
    if (reason) refusals.push({ node, subject: "allowed-ips", value: cidr, reason });
  }
  return taken;
}

function faultOfOverlap(holding: { cidr: Cidr; owner: string } | undefined): string | undefined {
  return holding && `overlaps ${holding.cidr}, which node ${holding.owner} holds`;
}

/** Tells why a prefix can be nobody's, or undefined if it can. */
function prefixJudge(facts: LocalFacts): (cidr: Cidr) => string | undefined {
  const bounds = disjoint(facts.peerCidrs);
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const routes = disjoint(facts.otherRoutes);
  const neighbours = disjoint(facts.neighbours.map(hostCidr));
  return (cidr) => {
    const never = NEVER.overlapping(cidr);
    if (never) return `overlaps ${never.cidr}, which no peer may have`;
    const bound = bounds.overlapping(cidr);
    if (!bound || !cidrContains(bound.cidr, cidr)) return "lies outside --peer-cidrs";
    const address = own.overlapping(cidr);
    if (address) return `covers ${address.cidr}, an address of the hub`;
    const route = routes.overlapping(cidr);
    if (route) return `overlaps ${route.cidr}, which the hub reaches by another interface`;
    const neighbour = neighbours.overlapping(cidr);
    if (neighbour) return `covers ${neighbour.cidr}, which the hub must reach outside the tunnel`;
  };
}

function disjoint(cidrs: readonly Cidr[]): DisjointCidrs<"one"> {
  const set = new DisjointCidrs<"one">();
  for (const cidr of cidrs) set.add(cidr, "one");
  return set;
}

function judgeEndpoint(
  claim: KeyedClaim,
  facts: LocalFacts,
  taken: DisjointCidrs<string>,
  refusals: Refusal[],
): ResolvedEndpoint | undefined {
  if (!claim.endpoint) return undefined;
  const endpoint = isResolved(claim.endpoint) ? claim.endpoint : facts.resolve(claim.endpoint);
  if (!endpoint) return undefined; // its name is not resolved yet
  const reason = faultOfEndpoint(endpoint.host, facts, taken);
  if (!reason) return endpoint;
  const value = printEndpoint(claim.endpoint);
  refusals.push({ node: claim.node, subject: "endpoint", value, reason });
}

function faultOfEndpoint(
  host: IpAddress,
  facts: LocalFacts,
  taken: DisjointCidrs<string>,
): string | undefined {
  const cidr = hostCidr(host);
  if (NEVER.overlapping(cidr) || facts.ownAddresses.includes(host)) {
    return "is no address at which a peer can be";
  }
  const tunnel = facts.tunnelNetworks.find((network) => cidrContains(network, cidr));
  if (tunnel) return `lies inside the tunnel's own network ${tunnel}`;
  const held = taken.overlapping(cidr);
  if (held) return `lies inside ${held.cidr}, a prefix of node ${held.owner}`;
}
