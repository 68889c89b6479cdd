import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrContains, cidrParts, hostCidr, networkOf } from "../ip/cidr.ts";
import type { Endpoint, ResolvedEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { DisjointCidrs, type Span, spanContains, spanOf, spansOf } from "./disjoint_cidrs.ts";
import { NOBODYS_NETWORKS } from "./nobodys_networks.ts";
import type { Fault } from "./refusal.ts";

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
  /** Those of them in whose networks this machine itself is. */
  readonly connected: readonly Cidr[];
  /** Gateways of routes, the API server and the name servers. */
  readonly neighbours: readonly IpAddress[];
  /**
   * The addresses of other Nodes, by name: those of a Node that is not a peer are nobody's. Undefined:
   * not known yet; what nobody holds waits until they are.
   */
  readonly nodes: ReadonlyMap<string, readonly Cidr[]> | undefined;
  /** Networks of pods, where no peer is reached. */
  readonly podNetworks: readonly Cidr[];
  /** Where the interface has learned that each peer is, or was told so. */
  readonly learned: ReadonlyMap<PublicKey, ResolvedEndpoint>;
  /** Addresses for the names in endpoints, as far as they are known. */
  resolve(endpoint: Endpoint): ResolvedEndpoint | undefined;
}

/** Never a peer's, whatever the bounds say. */
const NEVER = disjoint(NOBODYS_NETWORKS);

/**
 * Tells why a prefix can be nobody's, or undefined if it can.
 *
 * @param isHeld whether the Node that asks has it already.
 */
export function prefixJudge(
  facts: LocalFacts,
): (span: Span, isHeld: boolean) => Fault | undefined {
  const bounds = disjoint(facts.peerCidrs);
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const routeOver = routeJudge(facts);
  const neighbours = disjoint(facts.neighbours.map(hostCidr));
  return (span, isHeld) => {
    const never = NEVER.overlapping(span)?.span.cidr;
    if (never) return fault("special-purpose", `overlaps ${never}, which no peer may have`);
    const bound = bounds.overlapping(span);
    if (!bound || !spanContains(bound.span, span)) {
      return fault("out-of-bounds", "lies outside --peer-cidrs");
    }
    const address = own.overlapping(span)?.span.cidr;
    if (address) return fault("own", `covers ${address}, an address of the hub`);
    const route = routeOver(span, isHeld);
    if (route) {
      return fault("route", `overlaps ${route}, which the hub reaches by another interface`);
    }
    const neighbour = neighbours.overlapping(span)?.span.cidr;
    if (neighbour) {
      return fault("neighbour", `covers ${neighbour}, which the hub must reach outside the tunnel`);
    }
  };
}

/**
 * The same of an address of a member, which is its Node's own: the hub may well reach it by another
 * interface, and goes on to, for only packets from the tunnel are sent to members through it. What
 * that would take from others is refused.
 */
export function memberPrefixJudge(facts: LocalFacts): (span: Span) => Fault | undefined {
  const bounds = disjoint(facts.peerCidrs);
  const faultOfPlace = placeJudge(facts);
  return (span) => {
    const never = NEVER.overlapping(span)?.span.cidr;
    if (never) return fault("special-purpose", `overlaps ${never}, which no peer may have`);
    if (!bounds.overlapping(span)) return fault("out-of-bounds", "lies outside --peer-cidrs");
    return faultOfPlace(span);
  };
}

/** Tells why nobody else can be at an address: it is the hub's, the tunnel's or a pod's. */
function placeJudge(facts: LocalFacts): (span: Span) => Fault | undefined {
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const tunnel = disjoint(facts.tunnelNetworks);
  const pods = disjoint(facts.podNetworks);
  return (span) => {
    if (own.overlapping(span)) return fault("own", "is an address of the hub");
    const network = tunnel.overlapping(span)?.span.cidr;
    if (network) {
      return fault("tunnel-network", `lies inside the tunnel's own network ${network}`);
    }
    const pod = pods.overlapping(span)?.span.cidr;
    if (pod) return fault("pod-network", `lies inside ${pod}, a network of pods`);
  };
}

function fault(code: Fault["code"], reason: string): Fault {
  return { code, reason };
}

/**
 * Finds a route of another interface that leaves no room for a prefix, if there is one: none that
 * lies within the prefix does, nor one to a network in which this machine itself is.
 *
 * To a wider one the peer's own route is preferred. So that takes nothing from who has the prefix, or
 * whoever makes a route would drive out peers; and one that holds the tunnel's whole network, such as
 * other nodes of the cluster have, keeps nobody out of that network, which is for peers. Anything else
 * that is reached elsewhere no newcomer gets a part of.
 */
function routeJudge({ otherRoutes, connected, tunnelNetworks }: LocalFacts) {
  const tunnel = disjoint(tunnelNetworks);
  const here = disjoint(connected);
  const innermost = innermostOf(otherRoutes);
  const isOverTunnel = (cidr: Cidr) => tunnelNetworks.some((one) => cidrContains(cidr, one));
  const elsewhere = disjoint(otherRoutes.filter((cidr) => !isOverTunnel(cidr)));
  const overTunnel = disjoint(otherRoutes.filter(isOverTunnel));
  return (span: Span, isHeld: boolean): Cidr | undefined => {
    const near = here.overlapping(span)?.span.cidr;
    if (near) return near;
    // Two networks that overlap lie one in the other.
    const inner = innermost.overlapping(span)?.span.cidr;
    if (inner && cidrContains(span.cidr, inner)) return inner;
    if (isHeld) return undefined;
    const network = tunnel.overlapping(span)?.span;
    const isTunnels = network !== undefined && spanContains(network, span);
    return elsewhere.overlapping(span)?.span.cidr ??
      (isTunnels ? undefined : overTunnel.overlapping(span)?.span.cidr);
  };
}

/**
 * Tells why no peer can be at an address, or undefined if one can.
 *
 * @param taken who has which prefixes. A member is reached at its own, which lead into the tunnel for
 * packets from there alone: its name is given with the question.
 */
export function endpointJudge(
  facts: LocalFacts,
  taken: DisjointCidrs<string>,
): (host: IpAddress, member?: string) => Fault | undefined {
  const faultOfPlace = placeJudge(facts);
  const broadcasts = broadcastsOf(facts.connected);
  return (host, member) => {
    const span = spanOf(hostCidr(host));
    if (NEVER.overlapping(span)) {
      return fault("special-purpose", "is no address at which a peer can be");
    }
    if (broadcasts.has(span.first)) {
      return fault("special-purpose", "is the broadcast address of a network of the hub");
    }
    const place = faultOfPlace(span);
    if (place) return place;
    const held = taken.overlapping(span);
    if (held && held.owner !== member) {
      return fault("held", `lies inside ${held.span.cidr}, a prefix of node ${held.owner}`);
    }
  };
}

/** The addresses of Nodes, those left out that have claims: what these may have is another matter. */
export function addressesOfOthers(
  nodes: ReadonlyMap<string, readonly Cidr[]>,
  claimants: { has(node: string): boolean },
): DisjointCidrs<string> {
  const others = new DisjointCidrs<string>();
  for (const [node, addresses] of nodes) {
    if (claimants.has(node)) continue;
    for (const span of spansOf(addresses)) others.add(span, node);
  }
  return others;
}

/** The last address of each IPv4 network; one of one or two addresses has none to spare (RFC 3021). */
function broadcastsOf(networks: readonly Cidr[]): ReadonlySet<string> {
  const withOne = networks.map(cidrParts).filter(({ family, prefixLength }) =>
    family === 4 && prefixLength <= 30
  );
  return new Set(withOne.map((network) => spanOf(networkOf(network)).last));
}

/** Those networks that hold no other of them. */
function innermostOf(cidrs: readonly Cidr[]): DisjointCidrs<"one"> {
  const set = new DisjointCidrs<"one">();
  const narrowFirst = cidrs.map((cidr) => ({ cidr, length: cidrParts(cidr).prefixLength }))
    .sort((a, b) => b.length - a.length);
  for (const { cidr } of narrowFirst) {
    const span = spanOf(cidr);
    if (!set.overlapping(span)) set.add(span, "one");
  }
  return set;
}

function disjoint(cidrs: readonly Cidr[]): DisjointCidrs<"one"> {
  const set = new DisjointCidrs<"one">();
  for (const cidr of cidrs) set.add(spanOf(cidr), "one");
  return set;
}
