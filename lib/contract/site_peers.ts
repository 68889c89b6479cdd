import type { IpAddress } from "../ip/address.ts";
import {
  bitsOf,
  type Cidr,
  cidrContains,
  cidrParts,
  cidrsOverlap,
  hostCidr,
  type InterfaceAddress,
  networkOf,
} from "../ip/cidr.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge } from "./claim.ts";
import { NOBODYS_NETWORKS } from "./nobodys_networks.ts";
import type { Fault, Refusal } from "./refusal.ts";
import type { SiteClaim } from "./site_claim.ts";

/** What a spoke knows of itself and of its hub when it judges the peers of its site. */
export interface SiteFacts {
  /** The own Node and what it says. */
  readonly node: string;
  readonly site: string;
  readonly ownKey: PublicKey;
  readonly published: readonly Cidr[];
  /** The addresses of the tunnel's own end, and every address of this machine. */
  readonly tunnelAddresses: readonly InterfaceAddress[];
  readonly ownAddresses: readonly IpAddress[];
  /** What is routed to the hub, and where other interfaces of this machine lead. */
  readonly hubPrefixes: readonly Cidr[];
  readonly otherRoutes: readonly Cidr[];
  /**
   * What this machine must reach by other ways than a peer: API servers and proxies, gateways, name
   * servers, the hub's endpoint.
   */
  readonly outside: readonly IpAddress[];
  readonly hubKeys: ReadonlySet<PublicKey>;
  readonly hubAddresses: readonly IpAddress[];
}

/** A peer of the site to which there may be a tunnel. */
export interface SitePeer {
  readonly node: string;
  readonly publicKey: PublicKey;
  readonly vpcIP: IpAddress;
  /** What it may be sent directly: hosts within the hub's prefixes, at least one. */
  readonly prefixes: readonly Cidr[];
}

/** Who holds which key and prefix: Nodes, by their names. */
export interface SiteHoldings {
  readonly keys: ReadonlyMap<PublicKey, string>;
  readonly prefixes: ReadonlyMap<Cidr, string>;
}

/** The outcome of one judgement. */
export interface SiteJudgement {
  readonly peers: readonly SitePeer[];
  readonly refusals: readonly Refusal[];
  readonly holdings: SiteHoldings;
  /** Why there can be no tunnel to any peer, in words. */
  readonly obstacle?: string;
}

type KeyedClaim = SiteClaim & { readonly publicKey: PublicKey };

/**
 * Judges which peers of the site a spoke may have a tunnel of its own to.
 *
 * A peer is taken whole or left to the hub whole: had one of two spokes taken only a part of what the
 * other sends from, the rest would be lost between them, for a WireGuard interface drops what comes
 * from one peer and belongs to another. So whatever a peer claims within the hub's prefixes must be a
 * host of the tunnel's own network, and nobody else's; what lies outside of them is for the hub alone
 * to judge. Only the hub knows who may have a whole network.
 *
 * @param claims those of all peers, whatever their site: a peer of the site may claim what is theirs.
 * @param before who held what: they keep it.
 */
export function judgeSite(
  claims: readonly SiteClaim[],
  facts: SiteFacts,
  before: SiteHoldings,
): SiteJudgement {
  const obstacle = obstacleOf(facts);
  const others = claims.filter((claim): claim is KeyedClaim =>
    claim.publicKey !== undefined && claim.node !== facts.node && !claim.isHub
  );
  const faultOf = prefixJudge(facts);
  const faultOfKey = keyJudge(others, facts, before);
  const contested = contestJudge(others, facts, before);
  const peers: SitePeer[] = [];
  const refusals: Refusal[] = [];
  for (const claim of others.filter(({ site }) => site === facts.site).sort(byAge)) {
    const { node, publicKey, vpcIP } = claim;
    const wanted = (claim.allowedIPs ?? []).filter((cidr) => overlapsAny(cidr, facts.hubPrefixes));
    const faults: Omit<Refusal, "node">[] = [];
    const refuse = (subject: Refusal["subject"], value: string, fault: Fault | undefined) => {
      if (fault) faults.push({ subject, value, ...fault });
    };
    refuse("public-key", publicKey, faultOfKey(claim));
    for (const cidr of wanted) {
      refuse("allowed-ips", cidr, faultOf(cidr) ?? contested(claim, cidr));
    }
    if (vpcIP) refuse("vpc-ip", vpcIP, faultOfVpcIP(vpcIP, facts));
    refusals.push(...claim.faults, ...faults.map((fault) => ({ node, ...fault })));
    if (faults.length > 0 || !vpcIP || wanted.length === 0 || obstacle !== undefined) continue;
    peers.push({ node, publicKey, vpcIP, prefixes: wanted });
  }
  const keys = new Map(peers.map(({ publicKey, node }) => [publicKey, node]));
  const prefixes = new Map(
    peers.flatMap(({ prefixes, node }) => prefixes.map((cidr) => [cidr, node] as const)),
  );
  return {
    peers,
    refusals,
    holdings: { keys, prefixes },
    ...(obstacle !== undefined && { obstacle }),
  };
}

/** The others judge us by the same rules: what they would refuse is not to be tried. */
function obstacleOf({ published, hubPrefixes }: SiteFacts): string | undefined {
  const network = published.find((cidr) => !isHost(cidr) && overlapsAny(cidr, hubPrefixes));
  return network &&
    `this machine asks the hub for the network ${network}, so peers of its site reach it by the hub`;
}

/** Tells why a key that a peer claims may be somebody else's. */
function keyJudge(
  claims: readonly KeyedClaim[],
  { ownKey, hubKeys }: SiteFacts,
  before: SiteHoldings,
): (claim: KeyedClaim) => Fault | undefined {
  const byKey = Map.groupBy(claims, ({ publicKey }) => publicKey);
  return (claim) => {
    const { publicKey, node } = claim;
    if (publicKey === ownKey) return { code: "own", reason: "is this machine's own key" };
    if (hubKeys.has(publicKey)) return { code: "held", reason: "is the key of a hub" };
    const others = byKey.get(publicKey)!.filter((other) => other !== claim).sort(byAge);
    const holder = before.keys.get(publicKey);
    return holder === node || others.length === 0 ? undefined : faultOfRival(others, holder);
  };
}

/** Tells why a prefix that a peer claims within those of the hub cannot be its own. */
function prefixJudge(facts: SiteFacts): (cidr: Cidr) => Fault | undefined {
  const own = [
    ...facts.published,
    ...[...facts.ownAddresses, ...facts.tunnelAddresses.map(({ address }) => address)]
      .map(hostCidr),
  ];
  const hubs = new Set(facts.hubAddresses.map(hostCidr));
  const outside = new Set(facts.outside.map(hostCidr));
  const networks = tunnelNetworks(facts);
  return (cidr) => {
    const fault = (code: Fault["code"], reason: string): Fault => ({ code, reason });
    if (!isHost(cidr)) return fault("out-of-bounds", "is a network: only the hub knows whose");
    if (hubs.has(cidr)) return fault("held", "is an address of the hub");
    if (own.some((one) => cidrContains(one, cidr))) {
      return fault("own", "is an address of this machine");
    }
    if (overlapsAny(cidr, NOBODYS_NETWORKS)) {
      return fault("special-purpose", "is no address that a peer can have");
    }
    if (outside.has(cidr)) {
      return fault("neighbour", "is what this machine must reach outside the tunnel");
    }
    if (leadsElsewhere(cidr, facts)) {
      return fault("route", "is reached by another interface of this machine");
    }
    // Elsewhere in the hub's prefixes are the cluster's own nodes and services.
    if (!overlapsAny(cidr, networks)) {
      return fault("out-of-bounds", "lies outside the tunnel's own network");
    }
  };
}

/**
 * Where the hosts of a site can be: the hub's prefixes that hold an address of the tunnel's own end.
 * One that holds besides what lies outside the tunnel (all of IPv4, say) is wider than the tunnel: of
 * that, only the network that this end's address itself names is the tunnel's for certain.
 */
function tunnelNetworks({ hubPrefixes, tunnelAddresses, outside }: SiteFacts): Cidr[] {
  return tunnelAddresses.flatMap((end) => {
    const within = hubPrefixes.filter((cidr) => cidrContains(cidr, hostCidr(end.address)));
    const isWide = (cidr: Cidr) => outside.some((one) => cidrContains(cidr, hostCidr(one)));
    const narrow = within.filter((cidr) => !isWide(cidr));
    return within.some(isWide) ? [...narrow, networkOf(end)] : narrow;
  });
}

/**
 * Whether other interfaces of this machine lead to a host, by a route at least as narrow as the hub's
 * prefix: a route to that one host would take it from them.
 */
function leadsElsewhere(host: Cidr, { hubPrefixes, otherRoutes }: SiteFacts): boolean {
  const narrowest = (networks: readonly Cidr[]) =>
    Math.max(
      0,
      ...networks.filter((network) => cidrContains(network, host))
        .map((network) => cidrParts(network).prefixLength),
    );
  const length = narrowest(otherRoutes);
  return length > 0 && length >= narrowest(hubPrefixes);
}

/** Tells why tunnel packets cannot be sent to an address. */
function faultOfVpcIP(address: IpAddress, facts: SiteFacts): Fault | undefined {
  const fault = (code: Fault["code"], reason: string): Fault => ({ code, reason });
  const host = hostCidr(address);
  if (overlapsAny(host, NOBODYS_NETWORKS)) {
    return fault("special-purpose", "is no address at which a peer can be");
  }
  if (facts.ownAddresses.includes(address)) return fault("own", "is an address of this machine");
  const inside = facts.hubPrefixes.find((cidr) => cidrContains(cidr, host));
  if (!inside) return undefined;
  // A narrower route of this machine wins over that into the tunnel.
  const outside = facts.otherRoutes.some((route) =>
    route !== inside && cidrContains(inside, route) && cidrContains(route, host)
  );
  if (outside) return undefined;
  return fault("tunnel-network", `lies inside ${inside}, which is reached through the tunnel`);
}

/**
 * Tells why a host that a peer claims may be somebody else's. What two claim and neither holds is for
 * the hub to decide: which of them was first, it alone knows.
 */
function contestJudge(
  claims: readonly KeyedClaim[],
  facts: SiteFacts,
  before: SiteHoldings,
): (claim: KeyedClaim, host: Cidr) => Fault | undefined {
  // Whoever claims these is refused by the hub: such a claim takes nothing from anybody.
  const nobodys = [
    ...facts.hubAddresses.map(hostCidr),
    ...facts.tunnelAddresses.map(({ address }) => hostCidr(address)),
  ];
  const hosts = new Map<Cidr, KeyedClaim[]>();
  const networks: { readonly cidr: Cidr; readonly claim: KeyedClaim }[] = [];
  for (const claim of claims) {
    for (const cidr of claim.allowedIPs ?? []) {
      if (isHost(cidr)) hosts.set(cidr, [...hosts.get(cidr) ?? [], claim]);
      else if (
        overlapsAny(cidr, facts.hubPrefixes) && !nobodys.some((one) => cidrContains(cidr, one))
      ) networks.push({ cidr, claim });
    }
  }
  return (claim, host) => {
    const others = [
      ...hosts.get(host) ?? [],
      ...networks.filter(({ cidr }) => cidrContains(cidr, host)).map(({ claim }) => claim),
    ].filter((other) => other !== claim).sort(byAge);
    const member = others.find(({ isMember }) => isMember);
    if (member) return { code: "held", reason: `is an address of the member ${member.node}` };
    const holder = before.prefixes.get(host);
    if (holder === claim.node || others.length === 0) return undefined;
    return faultOfRival(others, holder);
  };
}

function faultOfRival(others: readonly KeyedClaim[], holder: string | undefined): Fault {
  const held = others.some(({ node }) => node === holder);
  return {
    code: "held",
    reason: held ? `is held by node ${holder}` : `is also claimed by node ${others[0]!.node}`,
  };
}

function isHost(cidr: Cidr): boolean {
  const { prefixLength, family } = cidrParts(cidr);
  return prefixLength === bitsOf(family);
}

function overlapsAny(cidr: Cidr, networks: readonly Cidr[]): boolean {
  return networks.some((network) => cidrsOverlap(cidr, network));
}
