import { TokenBucket } from "../token_bucket.ts";
import type { NodeNotice } from "./node_notice.ts";

/** How often is told, to all Nodes together and to one of them: a Node can make up what is refused at will. */
const ALL = { capacity: 25, everyMs: 1_000 };
const ONE = { capacity: 5, everyMs: 60_000 };
/** How often what lasts is told again, in ms: the API server forgets an Event after an hour. */
const AGAIN = 50 * 60_000;

interface Entry {
  readonly notice: NodeNotice;
  /** When it was told; undefined: not yet. */
  toldAt: number | undefined;
}

/**
 * What is still to be told: each thing when it begins or its message changes, and again about every
 * hour while it lasts. Pure: times are in ms of one clock that does not go back.
 */
export class NoticeQueue {
  /** By who says so, then by what is said. */
  readonly #entries = new Map<string, ReadonlyMap<string, Entry>>();
  readonly #bucket = new TokenBucket(ALL);
  readonly #ofNode = new Map<string, TokenBucket>();

  /**
   * Takes all that holds now.
   *
   * @param by who says so: each tells all of its own.
   */
  update(by: string, notices: readonly NodeNotice[]): void {
    const before = this.#entries.get(by);
    const entries = new Map<string, Entry>();
    for (const notice of notices) {
      const key = keyOf(notice);
      entries.set(key, { notice, toldAt: before?.get(key)?.toldAt });
    }
    this.#entries.set(by, entries);
  }

  /**
   * The next that may be told now; else in how many ms one may be, or undefined if none is left.
   *
   * @param isThere whether the Node is known: about another nothing can be told.
   */
  next(now: number, isThere: (node: string) => boolean): NodeNotice | number | undefined {
    let waitMs = Infinity;
    let again: NodeNotice | undefined;
    for (const { notice, toldAt } of this.#all()) {
      const due = toldAt === undefined ? 0 : notice.once ? Infinity : toldAt + AGAIN - now;
      if (due >= waitMs || !isThere(notice.node)) continue;
      const bucket = this.#bucketOf(notice.node);
      const wait = Math.max(due, this.#bucket.waitMs(now), bucket.waitMs(now));
      // What is new goes before what is told again.
      if (wait <= 0 && toldAt === undefined) return notice;
      if (wait <= 0) again ??= notice;
      else waitMs = Math.min(waitMs, wait);
    }
    return again ?? (waitMs === Infinity ? undefined : waitMs);
  }

  /** Counts an attempt to tell it, which is as good as telling it until {@linkcode failed}. */
  telling(notice: NodeNotice, now: number): void {
    this.#bucket.take(now);
    for (const [node, bucket] of this.#ofNode) {
      if (bucket.isFull(now)) this.#ofNode.delete(node);
    }
    this.#bucketOf(notice.node, true).take(now);
    this.#setTold(notice, now);
  }

  /** It could not be told after all. */
  failed(notice: NodeNotice): void {
    this.#setTold(notice, undefined);
  }

  #setTold(notice: NodeNotice, toldAt: number | undefined): void {
    const key = keyOf(notice);
    for (const entries of this.#entries.values()) {
      const entry = entries.get(key);
      if (entry) entry.toldAt = toldAt;
    }
  }

  *#all(): Generator<Entry> {
    for (const entries of this.#entries.values()) yield* entries.values();
  }

  #bucketOf(node: string, keep = false): TokenBucket {
    const known = this.#ofNode.get(node);
    if (known) return known;
    const bucket = new TokenBucket(ONE);
    if (keep) this.#ofNode.set(node, bucket);
    return bucket;
  }
}

function keyOf({ node, reason, message }: NodeNotice): string {
  return JSON.stringify([node, reason, message]);
}
