import type { IpAddress } from "../ip/address.ts";
import { type Cidr, hostCidr } from "../ip/cidr.ts";
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
  /** Gateways of routes, and addresses of the API server. */
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

/** Tells why a prefix can be nobody's, or undefined if it can. */
export function prefixJudge(facts: LocalFacts): (span: Span) => Fault | undefined {
  const bounds = disjoint(facts.peerCidrs);
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const routes = disjoint(facts.otherRoutes);
  const neighbours = disjoint(facts.neighbours.map(hostCidr));
  return (span) => {
    const fault = (code: Fault["code"], reason: string): Fault => ({ code, reason });
    const never = NEVER.overlapping(span)?.span.cidr;
    if (never) return fault("special-purpose", `overlaps ${never}, which no peer may have`);
    const bound = bounds.overlapping(span);
    if (!bound || !spanContains(bound.span, span)) {
      return fault("out-of-bounds", "lies outside --peer-cidrs");
    }
    const address = own.overlapping(span)?.span.cidr;
    if (address) return fault("own", `covers ${address}, an address of the hub`);
    const route = routes.overlapping(span)?.span.cidr;
    if (route) {
      return fault("route", `overlaps ${route}, which the hub reaches by another interface`);
    }
    const neighbour = neighbours.overlapping(span)?.span.cidr;
    if (neighbour) {
      return fault("neighbour", `covers ${neighbour}, which the hub must reach outside the tunnel`);
    }
  };
}

/** Tells why no peer can be at an address, or undefined if one can. */
export function endpointJudge(
  facts: LocalFacts,
  taken: DisjointCidrs<string>,
): (host: IpAddress) => Fault | undefined {
  const own = disjoint(facts.ownAddresses.map(hostCidr));
  const tunnel = disjoint(facts.tunnelNetworks);
  const pods = disjoint(facts.podNetworks);
  return (host) => {
    const span = spanOf(hostCidr(host));
    const fault = (code: Fault["code"], reason: string): Fault => ({ code, reason });
    if (NEVER.overlapping(span)) {
      return fault("special-purpose", "is no address at which a peer can be");
    }
    if (own.overlapping(span)) return fault("own", "is an address of the hub");
    const network = tunnel.overlapping(span)?.span.cidr;
    if (network) {
      return fault("tunnel-network", `lies inside the tunnel's own network ${network}`);
    }
    const pod = pods.overlapping(span)?.span.cidr;
    if (pod) return fault("pod-network", `lies inside ${pod}, a network of pods`);
    const held = taken.overlapping(span);
    if (held) {
      return fault("held", `lies inside ${held.span.cidr}, a prefix of node ${held.owner}`);
    }
  };
}

/** The addresses of Nodes, those left out that have claims: what these may have is another matter. */
export function addressesOfOthers(
  nodes: ReadonlyMap<string, readonly Cidr[]>,
  claimants: ReadonlySet<string>,
): DisjointCidrs<string> {
  const others = new DisjointCidrs<string>();
  for (const [node, addresses] of nodes) {
    if (claimants.has(node)) continue;
    for (const span of spansOf(addresses)) others.add(span, node);
  }
  return others;
}

function disjoint(cidrs: readonly Cidr[]): DisjointCidrs<"one"> {
  const set = new DisjointCidrs<"one">();
  for (const cidr of cidrs) set.add(spanOf(cidr), "one");
  return set;
}
