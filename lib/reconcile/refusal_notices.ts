import type { Notice } from "../contract/refusal.ts";
import { TokenBucket } from "../token_bucket.ts";

/** How often is told, to all Nodes together and to one of them: a Node can make up refusals at will. */
const ALL = { capacity: 25, everyMs: 1_000 };
const ONE = { capacity: 5, everyMs: 60_000 };
/** How often what lasts is told again, in ms: the API server forgets an Event after an hour. */
const AGAIN = 50 * 60_000;

interface Entry {
  readonly notice: Notice;
  /** When it was told; undefined: not yet. */
  toldAt: number | undefined;
}

/**
 * What is still to be told: each thing when it begins or its reason changes, and again about every
 * hour while it lasts. Pure: times are in ms of one clock that does not go back.
 */
export class RefusalNotices {
  #entries = new Map<string, Entry>();
  readonly #all = new TokenBucket(ALL);
  readonly #ofNode = new Map<string, TokenBucket>();

  /** Takes all that holds now. */
  update(notices: readonly Notice[]): void {
    const before = this.#entries;
    this.#entries = new Map();
    for (const notice of notices) {
      const key = keyOf(notice);
      this.#entries.set(key, { notice, toldAt: before.get(key)?.toldAt });
    }
  }

  /** The next that may be told now; else in how many ms one may be, or undefined if none is left. */
  next(now: number): Notice | number | undefined {
    let waitMs = Infinity;
    let again: Notice | undefined;
    for (const { notice, toldAt } of this.#entries.values()) {
      const due = toldAt === undefined ? 0 : toldAt + AGAIN - now;
      if (due >= waitMs) continue;
      const bucket = this.#bucketOf(notice.node);
      const wait = Math.max(due, this.#all.waitMs(now), bucket.waitMs(now));
      // What is new goes before what is told again.
      if (wait <= 0 && toldAt === undefined) return notice;
      if (wait <= 0) again ??= notice;
      else waitMs = Math.min(waitMs, wait);
    }
    return again ?? (waitMs === Infinity ? undefined : waitMs);
  }

  /** Counts an attempt to tell it, which is as good as telling it until {@linkcode failed}. */
  telling(notice: Notice, now: number): void {
    this.#all.take(now);
    for (const [node, bucket] of this.#ofNode) {
      if (bucket.isFull(now)) this.#ofNode.delete(node);
    }
    this.#bucketOf(notice.node, true).take(now);
    this.#setTold(notice, now);
  }

  /** It could not be told after all. */
  failed(notice: Notice): void {
    this.#setTold(notice, undefined);
  }

  #setTold(notice: Notice, toldAt: number | undefined): void {
    const entry = this.#entries.get(keyOf(notice));
    if (entry) entry.toldAt = toldAt;
  }

  #bucketOf(node: string, keep = false): TokenBucket {
    const known = this.#ofNode.get(node);
    if (known) return known;
    const bucket = new TokenBucket(ONE);
    if (keep) this.#ofNode.set(node, bucket);
    return bucket;
  }
}

function keyOf({ node, subject, value, reason }: Notice): string {
  return JSON.stringify([node, subject, value, reason]);
}
