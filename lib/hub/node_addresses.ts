import { delayAfter, sleep as realSleep } from "../backoff.ts";
import { Doorbell } from "../reconcile/doorbell.ts";
import type { NodeView } from "../contract/node.ts";
import { type Cidr, hostCidr } from "../ip/cidr.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { NodeWatcher } from "../kubernetes/node_watcher.ts";

/** The parts of {@linkcode NodeAddresses}. */
export interface NodeAddressesParts {
  readonly api: Pick<ApiClient, "listNodes" | "watchNodes" | "listNodeAddresses">;
  /** Which Nodes: those that are no peers. */
  readonly labelSelector: string;
  /** Whether Nodes have several addresses of one kind, as with two families. */
  haveSeveral(): boolean;
  /** Something differs in {@linkcode NodeAddresses.known}: look again. */
  onChange(): void;
  /** Told of each attempt that failed, and of the next that did not. */
  onResult(error?: unknown): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}, which is the default. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * How long newcomers wait at least for the first list once the API answers at all, in ms: one that
 * goes on giving none keeps nobody out. While it is silent, no newcomer is heard of either.
 */
export const PATIENCE = 30_000;
/** Between two lists, in ms: at least (and as much again for a thousand Nodes), and at most. */
const LEAST = 20_000;
const MOST = 600_000;
/** After a failure, in ms. */
const BACKOFF = { initialMs: 2_000, maxMs: 60_000 };

/**
 * The addresses of the Nodes that are no peers. A watch of their metadata, which are few bytes, tells
 * when one comes or goes; then the addresses of all are listed, but not often. An address that
 * changes later is seen by the list that comes after a while in any case.
 */
export class NodeAddresses {
  readonly #parts: Required<NodeAddressesParts>;
  readonly #watcher: NodeWatcher;
  readonly #bell: Doorbell;
  /** Rings once, when the API has answered: what failed before that tells nothing of now. */
  readonly #answer: Doorbell;
  #answeredAt: number | undefined;
  #changed = true;
  #listed: ReadonlyMap<string, readonly Cidr[]> | undefined;
  #known: ReadonlyMap<string, readonly Cidr[]> | undefined;

  constructor(parts: NodeAddressesParts) {
    this.#parts = { now: () => performance.now(), random: Math.random, sleep: realSleep, ...parts };
    const { api, labelSelector, onResult, now, random, sleep } = this.#parts;
    this.#bell = new Doorbell(sleep);
    this.#answer = new Doorbell(sleep);
    this.#watcher = new NodeWatcher({
      source: api,
      selector: { labelSelector },
      metadataOnly: true,
      onChange: () => {
        this.#changed = true;
        this.#update();
        this.#bell.ring();
        if (this.#answeredAt === undefined) {
          this.#answeredAt = now();
          this.#answer.ring();
        }
      },
      onResult,
      now,
      random,
      sleep,
    });
  }

  /**
   * The addresses of each Node, as networks of one address. Undefined until they have been listed;
   * where the API answers and yet lists none for {@linkcode PATIENCE}, none.
   */
  get known(): ReadonlyMap<string, readonly Cidr[]> | undefined {
    return this.#known;
  }

  /** Keeps them up to date until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watcher.run(signal), this.#list(signal)]);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, labelSelector, haveSeveral, onResult, now, random, sleep } = this.#parts;
    for (let failures = 0; !signal.aborted;) {
      const begin = now();
      try {
        this.#changed = false;
        const found = await api.listNodeAddresses({ labelSelector }, haveSeveral(), signal);
        this.#listed = new Map([...found].map(([name, list]) => [name, list.map(hostCidr)]));
        this.#update();
        failures = 0;
        onResult();
      } catch (error) {
        if (signal.aborted) return;
        onResult(error);
        if (begin <= (this.#answeredAt ?? -Infinity)) failures = 0;
        if (now() - (this.#answeredAt ?? Infinity) >= PATIENCE) this.#giveUp();
        await this.#answer.wait(delayAfter(error, failures++, { ...BACKOFF, random }), signal);
        continue;
      }
      const least = LEAST * (1 + this.#listed.size / 1000);
      await sleep(least * (0.5 + random()), signal);
      const rest = Math.max(0, MOST - least) * (0.5 + random() / 2);
      if (!this.#changed) await this.#bell.wait(rest, signal);
    }
  }

  /** Those that have been listed and are still there. */
  #update(): void {
    if (!this.#listed) return;
    const { nodes, synced } = this.#watcher;
    const before = this.#known;
    this.#known = new Map([...this.#listed].filter(([name]) => !synced || nodes.has(name)));
    if (!before || textOf(before) !== textOf(this.#known)) this.#parts.onChange();
  }

  #giveUp(): void {
    if (this.#known) return;
    this.#known = new Map();
    this.#parts.onChange();
  }
}

/** Whether a Node has more than one address of a kind: a Table shows only the first. */
export function hasSeveralAddresses(node: Pick<NodeView, "status"> | undefined): boolean {
  const { internalIPs = [], externalIPs = [] } = node?.status ?? {};
  return internalIPs.length > 1 || externalIPs.length > 1;
}

function textOf(known: ReadonlyMap<string, readonly Cidr[]>): string {
  return JSON.stringify([...known].sort());
}
