import type { NodeView } from "../../lib/contract/node.ts";
import { VERSION } from "./simulated_nodes.ts";

/** One step of history: a Node as it became, or undefined when it was deleted. */
export interface NodeChange {
  readonly version: number;
  readonly name: string;
  readonly before?: NodeView | undefined;
  readonly after?: NodeView | undefined;
}

/** How likely each fault is, for each request or event: 0 to 1. */
export interface Faults {
  /** Answered with 429 and Retry-After, 500, or not at all. */
  readonly throttled: number;
  readonly failing: number;
  /** Refused with 403: somebody has taken the role away. */
  readonly forbidden: number;
  readonly unreachable: number;
  /** Accepted and never answered. */
  readonly blackHole: number;
  /** Watches that are told 410. */
  readonly expired: number;
  /** Events of a watch. */
  readonly lost: number;
  readonly doubled: number;
  readonly swapped: number;
  readonly delayed: number;
  readonly cut: number;
  readonly silent: number;
}

export const NO_FAULTS: Faults = {
  throttled: 0,
  failing: 0,
  forbidden: 0,
  unreachable: 0,
  blackHole: 0,
  expired: 0,
  lost: 0,
  doubled: 0,
  swapped: 0,
  delayed: 0,
  cut: 0,
  silent: 0,
};

/** The Nodes of a cluster with their history, as an API server keeps them. */
export class SimulatedApi {
  readonly nodes = new Map<string, NodeView>();
  faults: Faults = NO_FAULTS;
  version = 1;
  /** The one that is accepted. Each machine has its own file of it, and reads that when it is refused. */
  token = 1;
  /** What is older than this is forgotten: a watch that begins there is told 410. */
  #forgotten = 0;
  #history: NodeChange[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #onChange: (change: NodeChange) => void;

  /** @param onChange told of each change, before anybody who watches. */
  constructor(onChange: (change: NodeChange) => void) {
    this.#onChange = onChange;
  }

  /** Makes the Node what is given, under a new version. */
  put(node: NodeView): void {
    const version = ++this.version;
    const after = { ...node, annotations: { ...node.annotations, [VERSION]: String(version) } };
    const before = this.nodes.get(node.name);
    this.nodes.set(node.name, after);
    this.#record({ version, name: node.name, before, after });
  }

  delete(name: string): void {
    const before = this.nodes.get(name);
    if (!before) return;
    this.nodes.delete(name);
    this.#record({ version: ++this.version, name, before });
  }

  /** Forgets all history so far. */
  compact(): void {
    this.#forgotten = this.version;
    this.#history = [];
  }

  /** What has happened since a version; undefined if that is forgotten. */
  since(version: number): readonly NodeChange[] | undefined {
    if (version < this.#forgotten) return undefined;
    const first = this.#history.findIndex((change) => change.version > version);
    return first < 0 ? [] : this.#history.slice(first);
  }

  /** Calls that once, when something happens next. @returns what calls it off. */
  onNext(call: () => void): () => void {
    this.#waiting.add(call);
    return () => this.#waiting.delete(call);
  }

  #record(change: NodeChange): void {
    this.#history.push(change);
    this.#onChange(change);
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call();
  }
}
