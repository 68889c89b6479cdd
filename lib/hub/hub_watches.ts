import type { Clock } from "../clock.ts";
import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { NodeWatcher } from "../kubernetes/node_watcher.ts";
import type { WatchStates } from "../metrics/pipeline_metrics.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import { hasSeveralAddresses, NodeAddresses } from "./node_addresses.ts";

/** The parts of {@linkcode HubWatches}. */
export interface HubWatchesParts {
  readonly api: Pick<ApiClient, "listNodes" | "watchNodes" | "listNodeAddresses">;
  readonly keys: AnnotationKeys;
  /** The Node on which the hub runs. */
  readonly nodeName: string;
  readonly says: Pick<LoopLog, "resultOf">;
  readonly clock: Pick<Clock, "now" | "random">;
  /** How long to trust a watch alone, in ms; default: that of {@linkcode NodeWatcher}. */
  readonly relistMs?: number | undefined;
  /** The own Node differs. */
  onOwnNode(): void;
  /** Any other differs. */
  onChange(): void;
}

/** The Nodes of a cluster as a hub sees them: its own, the peers, the hubs, and of all others the addresses. */
export class HubWatches {
  readonly self: NodeWatcher;
  readonly peers: NodeWatcher;
  readonly hubs: NodeWatcher;
  readonly others: NodeAddresses;
  readonly #nodeName: string;

  constructor(parts: HubWatchesParts) {
    const { api, keys, nodeName, says, clock: { now, random }, relistMs, onChange } = parts;
    this.#nodeName = nodeName;
    const shared = {
      source: api,
      now,
      random,
      ...(relistMs !== undefined && { resyncMs: relistMs }),
    };
    this.self = new NodeWatcher({
      ...shared,
      selector: { fieldSelector: `metadata.name=${nodeName}` },
      metadataOnly: false, // its addresses are wanted
      onChange: parts.onOwnNode,
      onResult: says.resultOf("watch of the own node"),
    });
    this.peers = new NodeWatcher({
      ...shared,
      selector: { labelSelector: `${keys.peer}=${MARKED}` },
      metadataOnly: true,
      onChange,
      onResult: says.resultOf("watch of the peers"),
    });
    this.hubs = new NodeWatcher({
      ...shared,
      selector: { labelSelector: `${keys.hub}=${MARKED}` },
      metadataOnly: false, // whether a hub is Ready matters
      onChange,
      onResult: says.resultOf("watch of the hubs"),
    });
    this.others = new NodeAddresses({
      api,
      labelSelector: `${keys.peer}!=${MARKED}`,
      haveSeveral: () => hasSeveralAddresses(this.ownNode),
      onChange,
      onResult: says.resultOf("addresses of other nodes"),
      now,
      random,
    });
  }

  /** The Node on which the hub runs, if it is known and there. */
  get ownNode(): NodeView | undefined {
    return this.self.nodes.get(this.#nodeName);
  }

  /** Whether peers and hubs have been listed once: before that, one that is not here may well exist. */
  get synced(): boolean {
    return this.peers.synced && this.hubs.synced;
  }

  /** How they do, for whoever counts. */
  get states(): WatchStates {
    return { self: this.self, peers: this.peers, hubs: this.hubs };
  }

  /** Runs until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.self.run(signal),
      this.peers.run(signal),
      this.hubs.run(signal),
      this.others.run(signal),
    ]);
  }
}
