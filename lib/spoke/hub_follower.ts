import { activeHub } from "../contract/active_hub.ts";
import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import { hubPeer } from "../contract/hub_peer.ts";
import type { NodeView } from "../contract/node.ts";
import { type SpokeFacts, tunnelPrefixes } from "../contract/tunnel_prefixes.ts";
import type { Cidr } from "../ip/cidr.ts";
import { isResolved } from "../ip/endpoint.ts";
import type { Device } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { EndpointResolver } from "../reconcile/endpoint_resolver.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";

/** A hub that has not shaken hands for so long, in ms, is looked for where its Node says it is. */
const SILENT = 180_000;

/** The options of a spoke that say which hub it takes, and for what. */
export interface HubOptions {
  readonly hubPublicKey: PublicKey | undefined;
  readonly hubAllowedIPs: readonly Cidr[] | undefined;
  readonly persistentKeepalive: number;
}

/** The parts of a {@linkcode HubFollower}. */
export interface HubFollowerParts {
  readonly options: HubOptions;
  readonly keys: AnnotationKeys;
  readonly ownKey: PublicKey;
  readonly names: Pick<EndpointResolver, "resolve" | "rotate">;
  readonly says: Pick<LoopLog, "matter" | "refusals">;
}

/** Makes of the hubs' Nodes the one peer that a spoke has, and says what keeps it from that. */
export class HubFollower {
  readonly #parts: HubFollowerParts;
  #hub: { readonly name: string; readonly key: PublicKey } | undefined;
  #needsNames = false;

  constructor(parts: HubFollowerParts) {
    this.#parts = parts;
  }

  /** Whether the hub followed last is known by a name, which has to be resolved to find it. */
  get needsNames(): boolean {
    return this.#needsNames;
  }

  /** The name of the Node that has that key, if it is the hub followed last. */
  nameOf(key: PublicKey): string | undefined {
    return this.#hub?.key === key ? this.#hub.name : undefined;
  }

  /**
   * The active hub as the only peer; undefined, so that all stays as it is, while there is none.
   *
   * @param device the interface as it is now.
   * @param now Milliseconds since 1970.
   */
  peers(
    nodes: Iterable<NodeView>,
    facts: SpokeFacts,
    device: Device | undefined,
    now: number,
  ): WantedPeers | undefined {
    const { options, keys, ownKey, names, says } = this.#parts;
    const { hub, claims } = activeHub(nodes, keys, { pinned: options.hubPublicKey, ownKey });
    const faults = claims.flatMap((claim) => claim.faults);
    const shaken = hub && device?.peers.get(hub.publicKey)?.lastHandshake || 0;
    const silent = now - shaken > SILENT;
    if (hub) this.#needsNames = !isResolved(hub.endpoint);
    if (hub && silent) names.rotate(hub.endpoint);
    const endpoint = hub && names.resolve(hub.endpoint);
    says.matter("hub", !hub && "no node is a complete hub; the tunnel stays as it is", {
      ...(options.hubPublicKey && { pinned: options.hubPublicKey }),
    });
    says.matter("hub's name", hub && !endpoint && "the hub's name has no address yet", {
      host: hub?.endpoint.host,
    });
    if (!hub || !endpoint) {
      says.refusals(faults);
      return undefined;
    }
    const { prefixes, refusals } = tunnelPrefixes(options.hubAllowedIPs, hub, facts);
    const refused = [...faults, ...refusals];
    says.refusals(refused);
    // What cannot be used says nothing of what could be: an edit gone wrong must not cost the tunnel.
    const isVoid = prefixes.length === 0 &&
      refused.some(({ node, subject }) => node === hub.node && subject === "allowed-ips");
    says.matter("hub's prefixes", isVoid && "the hub names none that can be routed to it", {
      node: hub.node,
    });
    if (isVoid) return undefined;
    this.#hub = { name: hub.node, key: hub.publicKey };
    return hubPeer(hub, {
      endpoint,
      prefixes,
      persistentKeepalive: options.persistentKeepalive,
      silent,
    });
  }

  /**
   * The peers that may be the hub, of those that were there before the cluster can be asked. Undefined
   * if the interface is to stay as it is.
   *
   * @param found those of the interface. They stay, unless the pin says otherwise.
   * @param disk those of the configuration that last worked.
   */
  known(found: WantedPeers | undefined, disk: WantedPeers | undefined): WantedPeers | undefined {
    if (!found?.size) return this.#acceptable(disk);
    if (this.#parts.options.hubPublicKey === undefined) return undefined;
    return this.#acceptable(found) ?? this.#acceptable(disk) ?? new Map();
  }

  /**
   * Those peers as they may be used now: the options and this machine's surroundings may be others than
   * when they were written down, so they are judged as a hub's annotation is.
   */
  remembered(known: WantedPeers | undefined, facts: SpokeFacts): WantedPeers | undefined {
    const { options, says } = this.#parts;
    const isOne = known?.size === 1; // only one can have what the user gives to the hub
    const judged = [...known ?? []].map(([key, { publicKey, endpoint, ...peer }]) => {
      const { persistentKeepalive, allowedIPs } = peer;
      const claim = { node: "", createdAt: 0, allowedIPs, faults: [] };
      const local = isOne ? options.hubAllowedIPs : undefined;
      const { prefixes, refusals } = tunnelPrefixes(local, claim, facts);
      const wanted = { publicKey, ...(endpoint && { endpoint }), persistentKeepalive };
      return { entry: [key, { ...wanted, allowedIPs: prefixes }] as const, refusals };
    });
    const refused = judged.flatMap(({ refusals }) => refusals);
    says.matter(
      "last hub's prefixes",
      refused.length > 0 && "not all that led to the last known hub can be used",
      { prefixes: refused.map(({ value, reason }) => `${value} ${reason}`).join("; ") },
    );
    return known && new Map(judged.map(({ entry }) => entry));
  }

  #acceptable(peers: WantedPeers | undefined): WantedPeers | undefined {
    const { hubPublicKey } = this.#parts.options;
    const accepted = [...peers ?? []].filter(([key]) =>
      key !== this.#parts.ownKey && (hubPublicKey === undefined || key === hubPublicKey)
    );
    return accepted.length === 0 ? undefined : new Map(accepted);
  }
}
