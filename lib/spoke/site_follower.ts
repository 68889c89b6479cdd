import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import { claimOf } from "../contract/claim.ts";
import { hubAddresses } from "../contract/hub_addresses.ts";
import type { NodeView } from "../contract/node.ts";
import { type SiteClaim, siteClaimOf } from "../contract/site_claim.ts";
import type { Publication } from "../contract/publication.ts";
import {
  judgeSite,
  type SiteFacts,
  type SiteHoldings,
  type SiteJudgement,
  type SitePeer,
} from "../contract/site_peers.ts";
import type { IpAddress } from "../ip/address.ts";
import { bitsOf, type Cidr, cidrParts, type InterfaceAddress } from "../ip/cidr.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeer, WantedPeers } from "../wireguard/plan_device.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { ServerAddress } from "../tunnel/plan_policy.ts";
import type { WantedTunnel } from "../tunnel/wanted_tunnel.ts";
import { type Moment, nextSiteLink, type SiteLink, siteLinkDueMs } from "./site_link.ts";

/**
 * The longest keepalive to a peer of the site, in seconds: several may be lost before it takes our
 * silence for our end. Without one nobody could tell a quiet peer from a dead one.
 */
const LONGEST_KEEPALIVE = 10;

/** The options of a spoke that say what it has to do with its site. */
export interface SiteOptions {
  readonly listenPort: number;
  readonly address: readonly InterfaceAddress[];
  readonly persistentKeepalive: number;
}

/** The parts of a {@linkcode SiteFollower}. */
export interface SiteFollowerParts {
  readonly options: SiteOptions;
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  readonly ownKey: PublicKey;
  /** What this spoke says of itself. */
  readonly publication: Publication;
  readonly says: Pick<LoopLog, "did" | "matter" | "refusals">;
}

/** What is known of the cluster and of this machine. */
export interface SiteSurroundings {
  /** The Nodes of all peers; undefined before all of them have been listed once. */
  readonly peers: ReadonlyMap<string, NodeView> | undefined;
  /** The Nodes of hubs; undefined likewise. */
  readonly hubs: ReadonlyMap<string, NodeView> | undefined;
  readonly addresses: readonly IpAddress[];
  readonly routes: readonly Cidr[];
  /** What has to be reached outside the tunnel: next hops, name servers, API servers and proxies. */
  readonly gateways: readonly IpAddress[];
  readonly resolvers: readonly IpAddress[];
  readonly apiServers: readonly ServerAddress[];
}

/** Adds to the hub of a spoke the peers of its site, each with its prefixes while it can be heard. */
export class SiteFollower {
  readonly #parts: SiteFollowerParts;
  readonly #site: string;
  readonly #claims = new WeakMap<NodeView, SiteClaim>();
  #links = new Map<PublicKey, SiteLink>();
  #judged: { readonly nodes: readonly NodeView[]; readonly facts: string } | undefined;
  #judgement: SiteJudgement | undefined;

  private constructor(parts: SiteFollowerParts, site: string) {
    this.#parts = parts;
    this.#site = site;
  }

  /** Follows the site that the spoke says it is in; undefined if it is in none. */
  static of(parts: SiteFollowerParts): SiteFollower | undefined {
    const { site } = parts.publication;
    return site && new SiteFollower(parts, site.name);
  }

  /** The name of the Node that has that key, if it is a peer of the site. */
  nameOf(key: PublicKey): string | undefined {
    return this.#judgement?.holdings.keys.get(key);
  }

  /** In how many ms to look again; Infinity if there is nothing to look for. */
  lookAgainMs(now: Moment): number {
    return Math.min(...[...this.#links.values()].map((link) => siteLinkDueMs(link, now)));
  }

  /**
   * The peers that the interface is to have.
   *
   * @param hub the hub alone, with all prefixes that are routed to it.
   * @param device the interface, read just now.
   */
  peers(
    hub: WantedPeers,
    around: SiteSurroundings,
    device: Device | undefined,
    now: Moment,
  ): WantedPeers {
    const found = device?.peers ?? new Map<PublicKey, Peer>();
    const site = around.peers && around.hubs
      ? this.#follow([...around.peers.values()], hub, around, found, now)
      : asFound(found, hub);
    const direct = new Set(site.flatMap(({ allowedIPs }) => allowedIPs));
    return new Map([
      ...[...hub].map(([key, peer]) => {
        const allowedIPs = peer.allowedIPs.filter((cidr) => !direct.has(cidr));
        return [key, { ...peer, allowedIPs }] as const;
      }),
      ...site.map((peer) => [peer.publicKey, peer] as const),
    ]);
  }

  /**
   * What may be left to the kernel when this program ends. A peer without prefixes would shake hands
   * with it and change over, and nobody would be here to do the same.
   */
  settled(wanted: WantedTunnel): WantedTunnel {
    const { device } = wanted;
    if (!device.peers) return wanted;
    const isLeft = ([key]: readonly [PublicKey, WantedPeer]) =>
      (this.#links.get(key)?.state ?? "direct") === "direct";
    return { ...wanted, device: { ...device, peers: new Map([...device.peers].filter(isLeft)) } };
  }

  #follow(
    nodes: readonly NodeView[],
    hub: WantedPeers,
    around: SiteSurroundings,
    found: ReadonlyMap<PublicKey, Peer>,
    now: Moment,
  ): WantedPeer[] {
    const { options, says } = this.#parts;
    const { peers, refusals, obstacle } = this.#judge(nodes, this.#facts(hub, around), found);
    says.refusals(refusals, [], "site");
    says.matter("site", obstacle);
    const links = this.#links;
    this.#links = new Map();
    return peers.flatMap((peer): WantedPeer[] => {
      const { publicKey, vpcIP } = peer;
      const before = links.get(publicKey);
      const link = nextSiteLink(before, found.get(publicKey), now);
      this.#links.set(publicKey, link);
      if (link.state !== before?.state) this.#say(peer, link);
      if (link.state === "quiet") return [];
      return [{
        publicKey,
        endpoint: { host: vpcIP, port: options.listenPort },
        persistentKeepalive: Math.min(
          options.persistentKeepalive || LONGEST_KEEPALIVE,
          LONGEST_KEEPALIVE,
        ),
        allowedIPs: link.state === "direct" ? peer.prefixes : [],
      }];
    });
  }

  /** Judged again only when something differs: there may be thousands of peers. */
  #judge(
    nodes: readonly NodeView[],
    facts: SiteFacts,
    found: ReadonlyMap<PublicKey, Peer>,
  ): SiteJudgement {
    const last = this.#judged;
    const text = JSON.stringify({ ...facts, hubKeys: [...facts.hubKeys] });
    const same = last && last.facts === text && last.nodes.length === nodes.length &&
      last.nodes.every((node, at) => node === nodes[at]);
    if (same && this.#judgement) return this.#judgement;
    const claims = nodes.map((node) => this.#claim(node));
    const before = this.#judgement?.holdings ?? holdingsOf(found, claims);
    this.#judged = { nodes, facts: text };
    return this.#judgement = judgeSite(claims, facts, before);
  }

  #claim(node: NodeView): SiteClaim {
    const claim = this.#claims.get(node) ?? siteClaimOf(node, this.#parts.keys);
    this.#claims.set(node, claim);
    return claim;
  }

  #facts(hub: WantedPeers, around: SiteSurroundings): SiteFacts {
    const { options, nodeName, keys, ownKey, publication } = this.#parts;
    const hubs = [...around.hubs?.values() ?? []];
    const claims = hubs.map((node) => claimOf(node, keys));
    const hubPrefixes = [...hub.values()].flatMap(({ allowedIPs }) => allowedIPs);
    return {
      node: nodeName,
      site: this.#site,
      ownKey,
      published: publication.allowedIPs,
      tunnelAddresses: options.address,
      ownAddresses: around.addresses,
      hubPrefixes,
      otherRoutes: around.routes,
      outside: [
        ...around.gateways,
        ...around.resolvers,
        ...around.apiServers.map(({ address }) => address),
        ...[...hub.values()].flatMap(({ endpoint }) => endpoint?.host ?? []),
      ],
      hubKeys: new Set([...hub.keys(), ...claims.flatMap(({ publicKey }) => publicKey ?? [])]),
      hubAddresses: hubAddresses(claims, hubs, hubPrefixes, options.address),
    };
  }

  #say({ node, prefixes }: SitePeer, link: SiteLink): void {
    const { says } = this.#parts;
    const fields = { node, prefixes: prefixes.join(",") };
    if (link.state === "direct") says.did("site peer: reached directly", fields);
    if (link.state === "quiet") {
      says.did("site peer: nothing came from it for a minute, reached through the hub", fields);
    }
  }
}

/** Before it is known who the peers are, those of the interface stay: what only a site peer can have. */
function asFound(found: ReadonlyMap<PublicKey, Peer>, hub: WantedPeers): WantedPeer[] {
  const isHost = (cidr: Cidr) => {
    const { prefixLength, family } = cidrParts(cidr);
    return prefixLength === bitsOf(family);
  };
  return [...found.values()].filter((peer) =>
    !hub.has(peer.publicKey) && peer.endpoint && peer.allowedIPs.every(isHost)
  ).map(({ publicKey, endpoint, persistentKeepalive, allowedIPs }) => ({
    publicKey,
    ...(endpoint && { endpoint }),
    persistentKeepalive,
    allowedIPs,
  }));
}

/** Who holds what by the interface: after a restart it is what is known. */
function holdingsOf(
  found: ReadonlyMap<PublicKey, Peer>,
  claims: readonly SiteClaim[],
): SiteHoldings {
  const keys = new Map<PublicKey, string>();
  const prefixes = new Map<Cidr, string>();
  for (const { publicKey, node, isHub, allowedIPs = [] } of claims) {
    if (!publicKey || isHub) continue;
    const held = found.get(publicKey)?.allowedIPs ?? [];
    if (held.length === 0 || !held.every((cidr) => allowedIPs.includes(cidr))) continue;
    keys.set(publicKey, node);
    for (const cidr of held) prefixes.set(cidr, node);
  }
  return { keys, prefixes };
}
