import { askedDelay, backoffDelay, type BackoffPolicy } from "../backoff.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import { Refused } from "./publish.ts";

/** How long a Node's addresses serve, in ms. */
const FRESH = 60_000;
/** How long to wait when it had none, in ms: the first time, and at most. Half of it is at random. */
const RETRY = 3_000;
const LONGEST_RETRY = 60_000;
/** Nodes read at the same time at most: the API server has others to serve. */
const AT_ONCE = 8;

/** Clock and chance, for tests. */
export interface StatusTime {
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number;
  /** As Math.random. */
  readonly random: () => number;
}

interface Entry {
  readonly node: NodeView | undefined;
  /** When to read it again; Infinity while it waits for that or is being read. */
  readonly due: number;
  /** How often in a row it had no addresses. */
  readonly failures: number;
}

/**
 * The addresses of Nodes of which only the metadata is watched, read one by one and off the loop:
 * whoever asks gets what is known now, and `onChange` says when that has changed.
 */
export class NodeStatuses {
  readonly #entries = new Map<string, Entry>();
  /** Nodes to be read, the one that waits longest first. */
  readonly #waiting = new Set<string>();
  #underWay = 0;
  /** Nodes that could not be read: the first one's error is told, for all of them. */
  readonly #unread = new Set<string>();
  readonly #api: Pick<ApiClient, "getNode">;
  readonly #onChange: () => void;
  readonly #signal: AbortSignal;
  readonly #onResult: (error?: unknown) => void;
  readonly #time: StatusTime;

  /** @param onResult told when Nodes cannot be read; and, without an error, when all can again. */
  constructor(
    api: Pick<ApiClient, "getNode">,
    onChange: () => void,
    signal: AbortSignal,
    onResult: (error?: unknown) => void = () => {},
    time: StatusTime = { now: () => performance.now(), random: Math.random },
  ) {
    this.#api = api;
    this.#onChange = onChange;
    this.#signal = signal;
    this.#onResult = onResult;
    this.#time = time;
  }

  /** The Node with its status as last read; undefined while it is not known. */
  get(name: string): NodeView | undefined {
    const { node, due, failures } = this.#entries.get(name) ?? { due: -Infinity, failures: 0 };
    if (this.#time.now() >= due) {
      this.#entries.set(name, { node, due: Infinity, failures });
      this.#waiting.add(name);
      this.#readNext();
    }
    return node;
  }

  /** In how many ms to ask again, if some Node has no addresses yet. */
  get retryMs(): number | undefined {
    let due = Infinity;
    for (const entry of this.#entries.values()) {
      if (hasAddresses(entry.node)) continue;
      due = Math.min(due, entry.due === Infinity ? 0 : entry.due);
    }
    // One turn serves many Nodes: not one for each.
    return due === Infinity ? undefined : Math.max(RETRY, due - this.#time.now());
  }

  /** Forgets the Nodes that are not among these. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#entries.keys()) {
      if (names.has(name)) continue;
      this.#entries.delete(name);
      this.#waiting.delete(name);
      this.#mended(name);
    }
  }

  #readNext(): void {
    for (const name of this.#waiting) {
      if (this.#underWay >= AT_ONCE || this.#signal.aborted) return;
      this.#waiting.delete(name);
      void this.#read(name);
    }
  }

  async #read(name: string): Promise<void> {
    this.#underWay++;
    try {
      const node = await this.#api.getNode(name, this.#signal);
      this.#take(name, () => node);
      this.#mended(name);
    } catch (error) {
      // An API server that does not answer says nothing of the Node.
      this.#postpone(askedDelay(error));
      this.#take(name, (last) => last, askedDelay(error));
      this.#failed(name, error);
    }
    this.#underWay--;
    this.#readNext();
  }

  /** Whoever waits, waits longer: the API server has too much to do. */
  #postpone(ms: number): void {
    if (ms === 0) return;
    for (const name of this.#waiting) {
      const entry = this.#entries.get(name);
      const due = this.#time.now() + ms * (1 + this.#time.random());
      if (entry) this.#entries.set(name, { ...entry, due });
    }
    this.#waiting.clear();
  }

  #take(
    name: string,
    nodeOf: (last: NodeView | undefined) => NodeView | undefined,
    leastWait = 0,
  ): void {
    const last = this.#entries.get(name);
    if (!last) return;
    const node = nodeOf(last.node);
    const failures = hasAddresses(node) ? 0 : last.failures + 1;
    const wait = failures === 0 ? FRESH : retryDelay(last.failures, this.#time.random);
    this.#entries.set(name, { node, due: this.#time.now() + leastWait + wait, failures });
    const text = (view: NodeView | undefined) => view?.status?.internalIPs.join();
    if (text(node) !== text(last.node)) this.#onChange();
  }

  #failed(name: string, error: unknown): void {
    if (this.#signal.aborted || !this.#entries.has(name)) return;
    this.#unread.add(name);
    const [first] = this.#unread;
    if (first === name) this.#onResult(explained(error));
  }

  #mended(name: string): void {
    if (this.#unread.delete(name) && this.#unread.size === 0) this.#onResult();
  }
}

function hasAddresses(node: NodeView | undefined): boolean {
  return (node?.status?.internalIPs.length ?? 0) > 0;
}

/** At least half of a bound that doubles from twice RETRY on. */
function retryDelay(failures: number, random: BackoffPolicy["random"]): number {
  const half = { initialMs: RETRY, maxMs: LONGEST_RETRY / 2, random };
  return backoffDelay(failures, { ...half, random: () => 1 }) + backoffDelay(failures, half);
}

function explained(error: unknown): unknown {
  return error instanceof ApiError && error.refusedBy === "rbac"
    ? new Refused(`may not read Nodes: apply deploy/rbac.yaml (${error.message})`, { cause: error })
    : error;
}
