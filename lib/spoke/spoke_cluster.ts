import { SYSTEM_CLOCK } from "../clock.ts";
import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import { mayBeMember, planPublication, type Publication } from "../contract/publication.ts";
import { publicationOn } from "../contract/spoke_publication.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import { NodeWatcher, type NodeWatcherOptions } from "../kubernetes/node_watcher.ts";
import type { WatchStates } from "../metrics/pipeline_metrics.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import { Refused } from "../reconcile/publish.ts";
import { Publisher } from "../reconcile/publisher.ts";
import { ReconcileLoop } from "../reconcile/reconcile_loop.ts";

/** The parts of a {@linkcode SpokeCluster}. */
export interface SpokeClusterParts {
  readonly api: Pick<ApiClient, "listNodes" | "watchNodes" | "patchNode" | "renew">;
  readonly nodeName: string;
  readonly keys: AnnotationKeys;
  /** What is to stand on the own Node, but for what is found out here: addresses of a site's peer, a member. */
  readonly publication: Publication;
  readonly says: Pick<LoopLog, "matter" | "resultOf" | "loop">;
  /** The longest time between two looks at the own Node as it is known, in ms. */
  readonly resyncMs: number;
  /** {@linkcode SpokeCluster.hubs}, its peers, or whether it is registered may differ. */
  onChange(): void;
  /** Clock, chance and waits. */
  readonly time?: Pick<NodeWatcherOptions, "now" | "random" | "sleep" | "resyncMs">;
}

/**
 * The silence after which a watch of the own Node, or of the peers, counts as dead, in ms. Longer than
 * for the hubs: a label that was taken away may stand again, and a peer of the site be reached
 * directly, later than a hub that has moved is followed.
 */
const LONG_IDLE = 300_000;

/** What a spoke has to do with its cluster: it registers on its own Node, and follows those of hubs and peers. */
export class SpokeCluster {
  readonly #parts: SpokeClusterParts;
  readonly #self: NodeWatcher;
  readonly #hubs: NodeWatcher;
  readonly #peers: NodeWatcher | undefined;
  readonly #publication: ReconcileLoop;
  readonly #publisher: Publisher;
  #source: IpAddress | undefined;

  constructor(parts: SpokeClusterParts) {
    this.#parts = parts;
    const { api, keys, nodeName, says, time = {} } = parts;
    const { now, random } = { ...SYSTEM_CLOCK, ...time };
    const { isMember } = parts.publication;
    const explain = explainer(isMember ? "deploy/members" : "deploy/rbac.yaml");
    this.#publisher = new Publisher(now);
    this.#publication = new ReconcileLoop({
      turn: ({ signal }) => this.#register(signal),
      ...says.loop("publication"),
      resyncMs: parts.resyncMs,
      now,
      random,
    });
    this.#self = new NodeWatcher({
      source: api,
      selector: { fieldSelector: `metadata.name=${nodeName}` },
      metadataOnly: !isMember, // a member's addresses are wanted
      onChange: () => {
        this.#publication.mark();
        parts.onChange();
      },
      onResult: says.resultOf("watch of the own node"),
      idleMs: LONG_IDLE,
      ...time,
    });
    const tellHubs = says.resultOf("watch of the hubs");
    this.#hubs = new NodeWatcher({
      source: api,
      selector: { labelSelector: `${keys.hub}=${MARKED}` },
      metadataOnly: false, // whether a hub is Ready matters
      onChange: () => parts.onChange(),
      onResult: (error) => tellHubs(explain(error)),
      ...time,
    });
    const tellPeers = says.resultOf("watch of the peers");
    this.#peers = parts.publication.site && new NodeWatcher({
      source: api,
      // All of them: what a peer of the site claims may be that of one elsewhere.
      selector: { labelSelector: `${keys.peer}=${MARKED}` },
      metadataOnly: true,
      onChange: () => parts.onChange(),
      onResult: (error) => tellPeers(explain(error)),
      idleMs: LONG_IDLE,
      ...time,
    });
  }

  /** The hubs' Nodes; undefined before all of them have been listed once. */
  get hubs(): ReadonlyMap<string, NodeView> | undefined {
    return this.#hubs.synced ? this.#hubs.nodes : undefined;
  }

  /** The peers' Nodes; undefined before all have been listed once, and for a spoke without a site. */
  get peers(): ReadonlyMap<string, NodeView> | undefined {
    return this.#peers?.synced ? this.#peers.nodes : undefined;
  }

  /** Its watches, for whoever asks how they do. */
  get watches(): WatchStates {
    return { self: this.#self, hubs: this.#hubs, ...(this.#peers && { peers: this.#peers }) };
  }

  /** The own Node, if it is known and there; of a member with its status. */
  get own(): NodeView | undefined {
    return this.#self.nodes.get(this.#parts.nodeName);
  }

  /** Whether the own Node is to be no member, while this is one. */
  get isUnwanted(): boolean {
    const { publication: { isMember }, keys } = this.#parts;
    return isMember === true && this.own !== undefined && !mayBeMember(this.own, keys);
  }

  /** Whether the own Node says all that it should. */
  get registered(): boolean {
    const { own: node } = this;
    const wanted = node && publicationOn(node, this.#wanted);
    return wanted !== undefined && planPublication(node!, wanted, this.#parts.keys).length === 0;
  }

  /** Reads the credential again and asks anew: connections may be dead without anybody knowing. */
  reconnect(): void {
    this.#parts.api.renew();
    this.#self.reopen();
    this.#hubs.reopen();
    this.#peers?.reopen();
    this.#publication.mark();
  }

  /**
   * Takes the address that this machine speaks to the API server from: when it has another one now,
   * connections from the old one are dead. It is also where peers of the site reach it, unless the
   * user says another.
   */
  reachedFrom(source: IpAddress | undefined): void {
    if (source === undefined) return; // there is no way at the moment
    if (source === this.#source) return;
    if (this.#source !== undefined) this.reconnect();
    this.#source = source;
    this.#publication.mark();
  }

  get #wanted(): Publication {
    const { publication } = this.#parts;
    const { site } = publication;
    if (!site || site.vpcIP || !this.#source) return publication;
    return { ...publication, site: { ...site, vpcIP: this.#source } };
  }

  /** Runs until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#self.run(signal),
      this.#hubs.run(signal),
      this.#peers?.run(signal),
      this.#publication.run(signal),
    ]);
  }

  /** @returns in how many ms to come again, if it was left undone. */
  async #register(signal: AbortSignal): Promise<number | undefined> {
    const { api, nodeName, keys, says } = this.#parts;
    const { own: node } = this;
    if (node && this.isUnwanted) {
      await this.#publisher.leave(api, node, keys, signal);
      says.matter("registration", this.#publisher.conflict ?? "this node is to be no member");
      return this.#publisher.lookAgainMs;
    }
    const wanted = node && publicationOn(node, this.#wanted);
    const missing = node ? "has no InternalIP yet" : "is not there yet, waiting for the kubelet";
    says.matter("own node", this.#self.synced && !wanted && missing, { node: nodeName });
    if (wanted) await this.#publisher.publish(api, node!, wanted, keys, signal);
    says.matter("registration", this.#publisher.conflict);
    return this.#publisher.lookAgainMs;
  }
}

/** Since Kubernetes 1.32 a kubelet's credential reads its own Node alone. */
function explainer(manifest: string): (error: unknown) => unknown {
  return (error) => {
    if (!(error instanceof ApiError) || error.refusedBy !== "rbac") return error;
    return new Refused(
      "this node's credential may not read other nodes: an administrator must apply " +
        `${manifest}; the tunnel stays as it is`,
      { cause: error },
    );
  };
}
