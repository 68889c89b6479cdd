import type { Refusal } from "../contract/refusal.ts";
import { TokenBucket } from "../token_bucket.ts";

/** How often is told, to all Nodes together and to one of them: a Node can make up refusals at will. */
const ALL = { capacity: 25, everyMs: 1_000 };
const ONE = { capacity: 5, everyMs: 60_000 };

interface Notice {
  readonly refusal: Refusal;
  told: boolean;
}

/**
 * Which refusals are still to be told: each once, until it is mended or its reason changes. Pure:
 * times are in ms of one clock that does not go back.
 */
export class RefusalNotices {
  #notices = new Map<string, Notice>();
  readonly #all = new TokenBucket(ALL);
  readonly #ofNode = new Map<string, TokenBucket>();

  /** Takes all refusals that hold now. */
  update(refusals: readonly Refusal[]): void {
    const before = this.#notices;
    this.#notices = new Map();
    for (const refusal of refusals) {
      const key = keyOf(refusal);
      const told = before.get(key)?.told ?? false;
      this.#notices.set(key, { refusal, told });
    }
  }

  /** The next that may be told now; else in how many ms one may be, or undefined if none is left. */
  next(now: number): Refusal | number | undefined {
    let waitMs = Infinity;
    for (const { refusal, told } of this.#notices.values()) {
      if (told) continue;
      const wait = Math.max(this.#all.waitMs(now), this.#bucketOf(refusal.node).waitMs(now));
      if (wait === 0) return refusal;
      waitMs = Math.min(waitMs, wait);
    }
    return waitMs === Infinity ? undefined : waitMs;
  }

  /** Counts an attempt to tell it, which is as good as telling it until {@linkcode failed}. */
  telling(refusal: Refusal, now: number): void {
    this.#all.take(now);
    for (const [node, bucket] of this.#ofNode) {
      if (bucket.isFull(now)) this.#ofNode.delete(node);
    }
    this.#bucketOf(refusal.node, true).take(now);
    this.#setTold(refusal, true);
  }

  /** It could not be told after all. */
  failed(refusal: Refusal): void {
    this.#setTold(refusal, false);
  }

  #setTold(refusal: Refusal, told: boolean): void {
    const notice = this.#notices.get(keyOf(refusal));
    if (notice) notice.told = told;
  }

  #bucketOf(node: string, keep = false): TokenBucket {
    const known = this.#ofNode.get(node);
    if (known) return known;
    const bucket = new TokenBucket(ONE);
    if (keep) this.#ofNode.set(node, bucket);
    return bucket;
  }
}

function keyOf({ node, subject, value, reason }: Refusal): string {
  return JSON.stringify([node, subject, value, reason]);
}
