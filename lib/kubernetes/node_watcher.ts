import { delayAfter, sleep as realSleep } from "../backoff.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient, NodeList, NodeSelector } from "./api_client.ts";
import { ApiError, ApiUnreachable } from "./api_error.ts";
import type { NodeEvent } from "./node_event.ts";
import { sameNode } from "./node_view.ts";

/** Where a watcher gets its Nodes: an {@linkcode ApiClient}. */
export type NodeSource = Pick<ApiClient, "listNodes" | "watchNodes">;

/** The parts of a {@linkcode NodeWatcher}. */
export interface NodeWatcherOptions {
  readonly source: NodeSource;
  readonly selector: NodeSelector;
  /** Leave out the status: a tenth of the bytes, and heartbeats of the kubelet cost nothing. */
  readonly metadataOnly: boolean;
  /** Something differs in {@linkcode NodeWatcher.nodes}: look again. */
  onChange(): void;
  /** An attempt failed, and another follows; or, without an error, the server answers again. */
  onResult(error?: unknown): void;
  /** How long to trust the watch alone before everything is listed again, in ms. Default 600,000. */
  readonly resyncMs?: number;
  /** How long a watch may last, in seconds; up to a third is added at random. Default 300. */
  readonly watchSeconds?: number;
  /** The silence after which a watch counts as dead, in ms. Default 90,000. */
  readonly idleMs?: number;
  /** The longest wait after a failure, in ms. Default 15,000. */
  readonly maxBackoffMs?: number;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
  /** As Math.random. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A watch that stood this long was a good one, in ms: the next failure counts as the first. */
const GOOD_WATCH = 5000;

/** After so many failures in a row everything is listed again. */
const RELIST_AFTER = 3;

/** Why a watch came to its end: in order, for nobody heard of it any more, or by an error. */
export type WatchEnd = "ended" | "silent" | "failed";

/**
 * The Nodes of a selector, kept up to date: listed once, then watched, and listed again after a
 * while, when the watch has fallen too far behind (410), or when it keeps failing. While the API
 * server is away, the last known Nodes stand.
 */
export class NodeWatcher {
  readonly #options: Required<NodeWatcherOptions>;
  #nodes = new Map<string, NodeView>();
  #resourceVersion = "";
  #listedAt = -Infinity;
  readonly #restarts: Record<WatchEnd, number> = { ended: 0, silent: 0, failed: 0 };
  #synced = false;
  #lastContact: number | undefined;
  #failing = false;
  #openedAt = Infinity;
  #reopen = new AbortController();

  constructor(options: NodeWatcherOptions) {
    this.#options = {
      resyncMs: 600_000,
      watchSeconds: 300,
      idleMs: 90_000,
      maxBackoffMs: 15_000,
      now: () => performance.now(),
      random: Math.random,
      sleep: realSleep,
      ...options,
    };
  }

  /** By name. A list replaces the map as a whole: it is never half old, half new. */
  get nodes(): ReadonlyMap<string, NodeView> {
    return this.#nodes;
  }

  /** Whether everything has been listed once: before that, a Node that is not here may well exist. */
  get synced(): boolean {
    return this.#synced;
  }

  /** How old the last whole list is, in ms; undefined before the first. */
  get listAgeMs(): number | undefined {
    return this.#synced ? this.#options.now() - this.#listedAt : undefined;
  }

  /** How often it was begun again, by what had ended it. */
  get restarts(): Readonly<Record<WatchEnd, number>> {
    return this.#restarts;
  }

  /** When the server last answered, on the given clock; undefined before the first time. */
  get lastContact(): number | undefined {
    return this.#lastContact;
  }

  /** Opens the watch anew, at once: its connection may be dead without anybody knowing. */
  reopen = (): void => {
    this.#reopen.abort(new ApiUnreachable("the watch is opened anew", { timedOut: true }));
  };

  /** Keeps the Nodes up to date until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { onResult, random, sleep, maxBackoffMs } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const { fault, good } = await this.#attempt(signal);
      if (signal.aborted) return;
      this.#restarts[fault === undefined ? "ended" : isSilence(fault) ? "silent" : "failed"]++;
      if (good) failures = 0;
      if (this.#reopen.signal.aborted && fault === this.#reopen.signal.reason) continue;
      if (good && (fault === undefined || isSilence(fault))) continue;
      if (fault !== undefined) {
        this.#failing = true;
        onResult(fault);
        const expired = fault instanceof ApiError && fault.status === 410;
        if (expired || failures >= RELIST_AFTER) this.#resourceVersion = "";
        if (expired && failures === 0) {
          failures = 1; // to list again mends it; if it does not, the next attempt waits
          continue;
        }
      }
      const policy = { initialMs: 200, maxMs: maxBackoffMs, random };
      await sleep(delayAfter(fault, failures++, policy), signal);
    }
  }

  /** One list, if due, and one watch. It was good if it stood for a while. */
  async #attempt(signal: AbortSignal): Promise<{ fault?: unknown; good: boolean }> {
    const { now } = this.#options;
    this.#openedAt = Infinity;
    let enough = GOOD_WATCH;
    try {
      if (this.#mustList()) await this.#list(signal);
      const asked = this.#watchMs();
      enough = Math.min(GOOD_WATCH, asked / 2);
      await this.#watch(asked, signal);
      return { good: now() - this.#openedAt >= enough };
    } catch (fault) {
      return { fault, good: now() - this.#openedAt >= enough };
    }
  }

  #mustList(): boolean {
    const { now, resyncMs } = this.#options;
    return this.#resourceVersion === "" || now() - this.#listedAt >= resyncMs;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { source, selector, metadataOnly, now, onChange } = this.#options;
    const list: NodeList = await source.listNodes(selector, { metadataOnly, signal });
    const before = this.#nodes;
    const first = !this.#synced;
    this.#nodes = new Map(list.nodes.map((node) => [node.name, node]));
    this.#resourceVersion = list.resourceVersion;
    this.#listedAt = this.#lastContact = now();
    this.#synced = true;
    if (first || !sameNodes(before, this.#nodes)) onChange();
  }

  /** The time until the watch ought to end, in ms: many watchers of one server end theirs apart. */
  #watchMs(): number {
    const { now, random, resyncMs, watchSeconds } = this.#options;
    const jittered = watchSeconds * 1000 * (1 + random() / 3);
    return Math.max(1000, Math.min(jittered, this.#listedAt + resyncMs - now()));
  }

  async #watch(durationMs: number, signal: AbortSignal): Promise<void> {
    const { source, selector, metadataOnly, idleMs, now, onResult } = this.#options;
    this.#reopen = new AbortController();
    const events = source.watchNodes(selector, {
      metadataOnly,
      signal: AbortSignal.any([signal, this.#reopen.signal]),
      idleMs,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.ceil(durationMs / 1000),
    });
    for await (const event of events) {
      this.#lastContact = now();
      if (this.#failing) onResult();
      this.#failing = false;
      if (event.type === "open") this.#openedAt = now();
      else this.#take(event);
      if (this.#mustList()) return; // the server did not end it in time
    }
  }

  #take(event: Exclude<NodeEvent, { type: "open" }>): void {
    if (event.resourceVersion !== "") this.#resourceVersion = event.resourceVersion;
    if (event.type === "gone") {
      if (this.#nodes.delete(event.name)) this.#options.onChange();
    } else if (event.type === "put") {
      const known = this.#nodes.get(event.node.name);
      if (known !== undefined && sameNode(known, event.node)) return;
      this.#nodes.set(event.node.name, event.node);
      this.#options.onChange();
    }
  }
}

/**
 * A watch that fell silent may be dead, or its cluster quiet: a server sends bookmarks only where its
 * store has moved on. The next request, on a new connection, tells which: so that is no error yet.
 */
function isSilence(fault: unknown): boolean {
  return fault instanceof ApiUnreachable && fault.timedOut;
}

function sameNodes(a: ReadonlyMap<string, NodeView>, b: typeof a): boolean {
  return a.size === b.size && [...a].every(([name, node]) => {
    const other = b.get(name);
    return other !== undefined && sameNode(node, other);
  });
}
