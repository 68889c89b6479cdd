import { askedDelay, backoffDelay, type BackoffPolicy } from "../backoff.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import type { NodeAddressMap } from "../kubernetes/node_table.ts";
import { hasSeveralAddresses } from "./node_addresses.ts";
import { Refused } from "../reconcile/publish.ts";

/** How long a Node's addresses serve, in ms. */
const FRESH = 60_000;
/** The same of a Node that itself says when they change: half of it is at random. */
const FRESH_IF_TOLD = 1_200_000;
/** How long to wait when it had none, in ms: the first time, and at most. Half of it is at random. */
const RETRY = 3_000;
const LONGEST_RETRY = 60_000;
/** Nodes read at the same time at most: the API server has others to serve. */
const AT_ONCE = 8;
/** The same where Nodes have several addresses, so that the list is one of whole Nodes. */
const FRESH_WHOLE = 600_000;
/** With more Nodes than this, a list tells which addresses have changed: one request for hundreds. */
const MANY = 60;

/** Clock and chance, for tests. */
export interface StatusTime {
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number;
  /** As Math.random. */
  readonly random: () => number;
}

/** The parts of {@linkcode NodeStatuses}. */
export interface NodeStatusesParts {
  readonly api: Pick<ApiClient, "getNode" | "listNodeAddresses">;
  /** Which Nodes a list is to tell of, where there are many. */
  readonly labelSelector: string;
  /** Ends what is asked. */
  readonly signal: AbortSignal;
  /** What is known has changed. */
  onChange(): void;
  /** Told when Nodes cannot be read; and, without an error, when all can again. */
  onResult?(error?: unknown): void;
  /** Default: performance.now and Math.random. */
  readonly time?: StatusTime;
}

interface Entry {
  readonly node: NodeView | undefined;
  /** What the Node said when it was asked for. */
  readonly said: string | undefined;
  /** Whether it was read, or could not be, whatever it said then. */
  readonly isAsked: boolean;
  /** When to read it again; Infinity while it waits for that or is being read. */
  readonly due: number;
  /** How often in a row it had no addresses. */
  readonly failures: number;
  /** Whether what was read does not go with what the Node says. */
  readonly isDoubted?: boolean;
}

/**
 * The addresses of Nodes of which only the metadata is watched, read one by one and off the loop:
 * whoever asks gets what is known now, and `onChange` says when that has changed. Where there are many,
 * those that are known are compared with a list once in a while, and read again where they differ.
 */
export class NodeStatuses {
  readonly #entries = new Map<string, Entry>();
  /** Nodes to be read, the one that waits longest first. */
  readonly #waiting = new Set<string>();
  /** Nodes to be compared with a list; undefined while none is due. */
  #stale: Set<string> | undefined;
  #underWay = 0;
  /** Nodes that could not be read: the first one's error is told, for all of them. */
  readonly #unread = new Set<string>();
  readonly #parts: NodeStatusesParts;
  readonly #time: StatusTime;

  constructor(parts: NodeStatusesParts) {
    this.#parts = parts;
    this.#time = parts.time ?? { now: () => performance.now(), random: Math.random };
  }

  /**
   * The Node with its status as last read; undefined while it is not known.
   *
   * @param said what the Node says of its addresses, if it does: once that differs, what was read
   * before counts no more.
   */
  get(name: string, said?: string): NodeView | undefined {
    const known = this.#entries.get(name);
    const { isAsked = false } = known ?? {};
    const entry = known?.said === said && known ||
      { node: undefined, said, isAsked, due: -Infinity, failures: 0 };
    if (this.#time.now() >= entry.due) {
      this.#entries.set(name, { ...entry, due: Infinity });
      if (this.#entries.size > MANY && hasAddresses(entry.node)) this.#compareLater(name);
      else {
        this.#waiting.add(name);
        this.#readNext();
      }
    }
    return entry.node;
  }

  /**
   * What was read of this Node does not go with what it says: one of the two was old, and no event need
   * tell when both are the same again. It serves as long as if the Node said nothing.
   */
  doubt(name: string): void {
    const entry = this.#entries.get(name);
    if (!entry || entry.isDoubted || entry.due === Infinity) return;
    const due = Math.min(entry.due, this.#time.now() + FRESH);
    this.#entries.set(name, { ...entry, due, isDoubted: true });
  }

  /** Whether this Node has been read, or could not be, at least once. */
  hasAsked(name: string): boolean {
    return this.#entries.get(name)?.isAsked ?? false;
  }

  /** In how many ms to ask again, if some Node has no addresses yet or those that it has are doubted. */
  get retryMs(): number | undefined {
    let due = Infinity;
    for (const entry of this.#entries.values()) {
      if (hasAddresses(entry.node) && !entry.isDoubted) continue;
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
      this.#stale?.delete(name);
      this.#mended(name);
    }
  }

  /** One list for all that are asked for in a turn. */
  #compareLater(name: string): void {
    if (this.#stale) return void this.#stale.add(name);
    const stale = this.#stale = new Set([name]);
    void Promise.resolve().then(() => this.#compare(stale));
  }

  async #compare(stale: Set<string>): Promise<void> {
    const { api, labelSelector, signal, onResult = () => {} } = this.#parts;
    const nodeOf = (name: string) => this.#entries.get(name)?.node;
    const whole = [...stale].some((name) => hasSeveralAddresses(nodeOf(name)));
    let wait = whole ? FRESH_WHOLE : FRESH;
    let listed: NodeAddressMap | undefined;
    try {
      listed = await api.listNodeAddresses({ labelSelector }, whole, signal);
      if (this.#unread.size === 0) onResult();
    } catch (error) {
      if (!signal.aborted) onResult(explained(error));
      wait += askedDelay(error);
    }
    this.#stale = undefined;
    for (const name of stale) {
      const entry = this.#entries.get(name)!;
      if (!listed || listedAs(entry.node, whole) === listed.get(name)?.join()) {
        this.#entries.set(name, { ...entry, due: this.#time.now() + wait });
      } else this.#waiting.add(name);
    }
    this.#readNext();
  }

  #readNext(): void {
    for (const name of this.#waiting) {
      if (this.#underWay >= AT_ONCE || this.#parts.signal.aborted) return;
      this.#waiting.delete(name);
      void this.#read(name);
    }
  }

  async #read(name: string): Promise<void> {
    this.#underWay++;
    const said = this.#entries.get(name)?.said;
    try {
      const node = await this.#parts.api.getNode(name, this.#parts.signal);
      this.#take(name, said, () => node);
      this.#mended(name);
    } catch (error) {
      // An API server that does not answer says nothing of the Node.
      this.#postpone(askedDelay(error));
      this.#take(name, said, (last) => last, askedDelay(error));
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
    said: string | undefined,
    nodeOf: (last: NodeView | undefined) => NodeView | undefined,
    leastWait = 0,
  ): void {
    const last = this.#entries.get(name);
    if (!last || last.said !== said) return; // it says something else now, and is read again
    const node = nodeOf(last.node);
    const failures = hasAddresses(node) ? 0 : last.failures + 1;
    const { now, random } = this.#time;
    const fresh = said === undefined ? FRESH : FRESH_IF_TOLD * (1 + random()) / 2;
    const wait = failures === 0 ? fresh : retryDelay(last.failures, random);
    const due = now() + leastWait + wait;
    this.#entries.set(name, { node, said, isAsked: true, due, failures });
    const text = (view: NodeView | undefined) => view?.status?.internalIPs.join();
    if (!last.isAsked || text(node) !== text(last.node)) this.#parts.onChange();
  }

  #failed(name: string, error: unknown): void {
    if (this.#parts.signal.aborted || !this.#entries.has(name)) return;
    this.#unread.add(name);
    const [first] = this.#unread;
    if (first === name) this.#parts.onResult?.(explained(error));
  }

  #mended(name: string): void {
    if (this.#unread.delete(name) && this.#unread.size === 0) this.#parts.onResult?.();
  }
}

function hasAddresses(node: NodeView | undefined): boolean {
  return (node?.status?.internalIPs.length ?? 0) > 0;
}

/** What a list shows of a Node: its addresses, or the first of each kind. */
function listedAs(node: NodeView | undefined, whole: boolean): string {
  const { internalIPs = [], externalIPs = [] } = node?.status ?? {};
  return [internalIPs, externalIPs].flatMap((all) => whole ? all : all.slice(0, 1)).join();
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
