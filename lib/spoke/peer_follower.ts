import type { Clock } from "../clock.ts";
import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { Publication } from "../contract/publication.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Device } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { EndpointResolver } from "../reconcile/endpoint_resolver.ts";
import { FirstContact } from "./first_contact.ts";
import { HubFollower, type HubOptions } from "./hub_follower.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { ServerAddress } from "../tunnel/plan_policy.ts";
import { SiteFollower, type SiteOptions } from "./site_follower.ts";
import type { Moment } from "./site_link.ts";
import type { SpokeCluster } from "./spoke_cluster.ts";
import type { Surroundings } from "../tunnel/surroundings.ts";
import type { WantedTunnel } from "../tunnel/wanted_tunnel.ts";

/** The parts of a {@linkcode PeerFollower}. */
export interface PeerFollowerParts {
  readonly options: HubOptions & SiteOptions;
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  readonly ownKey: PublicKey;
  /** What this spoke says of itself. */
  readonly publication: Publication;
  readonly names: Pick<EndpointResolver, "resolve" | "rotate">;
  readonly says: Pick<LoopLog, "did" | "matter" | "refusals">;
  readonly clock: Clock;
  /** The interface as it was when the program began; undefined if there was none. */
  readonly found: Device | undefined;
  /** The peers that the disk tells of; undefined: none. */
  readonly remembered: WantedPeers | undefined;
}

/** What this machine is like. */
export interface SpokeSurroundings extends Surroundings {
  /** Its name servers. */
  readonly resolvers: readonly IpAddress[];
  /** Whom its requests to the API go to: the API servers, and the proxies in front of them. */
  readonly apiServers: readonly ServerAddress[];
}

/** From what the Nodes say to the peers that a spoke's interface is to have: the hub, and those of its site. */
export class PeerFollower {
  readonly #parts: PeerFollowerParts;
  readonly #follower: HubFollower;
  readonly #contact: FirstContact;
  readonly #sites: SiteFollower | undefined;
  /** Who may be the hub, by the interface or the disk; what is followed in its stead; what is used. */
  readonly #known: WantedPeers | undefined;
  #followed: WantedPeers | undefined;
  #hub: WantedPeers | undefined;
  #contactMs = 0;

  constructor(parts: PeerFollowerParts) {
    this.#parts = parts;
    this.#follower = new HubFollower(parts);
    this.#sites = SiteFollower.of(parts);
    const found = parts.found?.peers;
    this.#hub = this.#known = this.#follower.known(found, parts.remembered);
    this.#contact = new FirstContact(Boolean(found?.size || this.#known));
  }

  /** The hub as the only peer, with all prefixes that are routed to it; undefined: none is known yet. */
  get hub(): WantedPeers | undefined {
    return this.#hub;
  }

  /** The hub as the Nodes have it; undefined until they have told of one. */
  get followed(): WantedPeers | undefined {
    return this.#followed;
  }

  /** Whether there is a site, the peers of which have to be listened to. */
  get hasSite(): boolean {
    return this.#sites !== undefined;
  }

  /** Whether a name has to be resolved to find the hub. */
  get needsNames(): boolean {
    return this.#follower.needsNames;
  }

  /** The Node of a peer. */
  nodeOf(key: PublicKey): string | undefined {
    return this.#follower.nameOf(key) ?? this.#sites?.nameOf(key);
  }

  /** In how many ms to follow again; Infinity if nothing is due. */
  get lookAgainMs(): number {
    const siteMs = this.#sites?.lookAgainMs(this.#moment) ?? Infinity;
    return Math.min(siteMs, this.#contactMs || Infinity);
  }

  /**
   * The peers that the interface is to have; undefined: those that it has.
   *
   * @param cluster undefined before there is a credential to ask with.
   * @param device the interface as it is now; with a site, read just now.
   */
  follow(
    cluster: Pick<SpokeCluster, "hubs" | "peers" | "registered"> | undefined,
    around: SpokeSurroundings,
    device: Device | undefined,
  ): WantedPeers | undefined {
    this.#contactMs = 0;
    const { options, clock } = this.#parts;
    const { routes: otherRoutes, gateways, resolvers } = around;
    const facts = { addresses: options.address, otherRoutes, gateways, resolvers };
    if (cluster?.hubs) {
      const found = this.#follower.peers(cluster.hubs.values(), facts, device, clock.wall());
      this.#contactMs = this.#contact.waitMs(
        found !== undefined,
        cluster.registered,
        clock.now(),
      );
      if (found && this.#contactMs === 0) this.#followed = found;
    }
    this.#hub = this.#followed ?? this.#follower.remembered(this.#known, facts);
    if (!this.#hub || !this.#sites) return this.#hub;
    const seen = { ...around, hubs: cluster?.hubs, peers: cluster?.peers };
    return this.#sites.peers(this.#hub, seen, device, this.#moment);
  }

  /** What may be left to the kernel when this program ends; undefined: all of it. */
  settled(wanted: WantedTunnel): WantedTunnel | undefined {
    return this.#sites?.settled(wanted);
  }

  get #moment(): Moment {
    const { clock } = this.#parts;
    return { steady: clock.now(), wall: clock.wall() };
  }
}
