import type { ConditionState, NodeCondition } from "../kubernetes/node_condition.ts";
import { TokenBucket } from "../token_bucket.ts";

/** How often is written, to all Nodes together. */
const RATE = { capacity: 20, everyMs: 100 };
/** How often is said again what has not changed, in ms: as often as the kubelet does it. */
const AGAIN = 5 * 60_000;
/** How long a Node is left alone that could not be written, in ms. */
const RETRY = 30_000;

/** One Node's condition to be written; `wanted` undefined: to be taken away. */
export interface DueCondition {
  readonly node: string;
  readonly wanted: ConditionState | undefined;
  /** What it was told last; undefined: nothing yet, so the Node itself is to be asked. */
  readonly last: NodeCondition | undefined;
}

/**
 * Whose condition is still to be written: what changes at once, what lasts every few minutes, and
 * what is no longer wanted is taken away. Pure: times are in ms of one clock that does not go back.
 */
export class ConditionQueue {
  #wanted: ReadonlyMap<string, ConditionState> = new Map();
  readonly #said = new Map<string, { readonly condition: NodeCondition; readonly at: number }>();
  readonly #notBefore = new Map<string, number>();
  readonly #bucket = new TokenBucket(RATE);

  /** Takes what all conditions are to be; undefined: they are another hub's to say. */
  update(wanted: ReadonlyMap<string, ConditionState> | undefined): void {
    this.#wanted = wanted ?? new Map();
    if (wanted === undefined) this.#said.clear();
  }

  /** The next that is due; else in how many ms one will be, or undefined if none is left. */
  next(now: number): DueCondition | number | undefined {
    let waitMs = Infinity;
    let again: DueCondition | undefined;
    for (const node of new Set([...this.#said.keys(), ...this.#wanted.keys()])) {
      const wanted = this.#wanted.get(node);
      const { condition: last, at = 0 } = this.#said.get(node) ?? {};
      const isNews = wanted?.status !== last?.status || wanted?.reason !== last?.reason;
      const due = Math.max(isNews ? 0 : at + AGAIN - now, (this.#notBefore.get(node) ?? now) - now);
      const wait = Math.max(due, this.#bucket.waitMs(now));
      if (wait > 0) waitMs = Math.min(waitMs, wait);
      else if (isNews) return { node, wanted, last };
      else again ??= { node, wanted, last };
    }
    return again ?? (waitMs === Infinity ? undefined : waitMs);
  }

  /** Counts an attempt to write it. */
  trying({ node }: DueCondition, now: number): void {
    this.#bucket.take(now);
    this.#notBefore.set(node, now + RETRY);
  }

  /** It says this now; undefined: it has none, or has gone. */
  done({ node }: DueCondition, condition: NodeCondition | undefined, now: number): void {
    this.#notBefore.delete(node);
    if (condition) this.#said.set(node, { condition, at: now });
    else this.#said.delete(node);
  }
}
