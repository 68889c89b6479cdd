import type { Notice } from "../contract/refusal.ts";
import type { Say } from "../once_log.ts";
import { TokenBucket } from "../token_bucket.ts";

/** How many lines, about all Nodes together and about one: a Node can make up refusals at will. */
const ALL = { capacity: 200, everyMs: 1_000 };
const ONE = { capacity: 20, everyMs: 60_000 };
/** How often is said of a Node that there is more than is said, in ms. */
const SUMMARY_EVERY = 600_000;

interface Entry {
  readonly notice: Notice;
  said: boolean;
}

/**
 * Says each refusal once, when it begins, when its reason changes and when it is over; but of one
 * Node no more than a few lines a minute: what is left unsaid is counted, and said later if it lasts.
 */
export class RefusalLog {
  readonly #trouble: Say;
  readonly #recovery: Say;
  readonly #now: () => number;
  #entries = new Map<string, Entry>();
  readonly #all = new TokenBucket(ALL);
  readonly #ofNode = new Map<string, TokenBucket>();
  /** When it was last said of a Node that there is more. */
  readonly #summarised = new Map<string, number>();

  /**
   * @param trouble takes what is refused.
   * @param recovery takes what is no more.
   * @param now milliseconds of a clock that does not go back.
   */
  constructor(trouble: Say, recovery: Say, now: () => number) {
    this.#trouble = trouble;
    this.#recovery = recovery;
    this.#now = now;
  }

  /** Takes all that holds now. */
  update(notices: readonly Notice[]): void {
    const now = this.#now();
    this.#forget(now);
    const over = this.#entries;
    this.#entries = new Map();
    const unsaid = new Map<string, number>();
    for (const notice of notices) {
      const { node, subject, value, reason } = notice;
      const key = JSON.stringify([node, subject, value]);
      if (this.#entries.has(key)) continue; // written twice, or cut to the same value
      const before = over.get(key);
      over.delete(key);
      const said = before?.said === true && before.notice.reason === reason;
      const entry = { notice, said: said || this.#take(node, now) };
      this.#entries.set(key, entry);
      if (!entry.said) unsaid.set(node, (unsaid.get(node) ?? 0) + 1);
      else if (!said) this.#trouble(textOf(notice), { node, subject, value, reason });
    }
    for (const { notice: { node, subject, value }, said } of over.values()) {
      if (said) this.#recovery("a refusal is over", { node, subject, value });
    }
    for (const [node, more] of unsaid) this.#summarise(node, more, now);
  }

  #take(node: string, now: number): boolean {
    const bucket = this.#ofNode.get(node) ?? new TokenBucket(ONE);
    if (bucket.waitMs(now) > 0 || this.#all.waitMs(now) > 0) return false;
    this.#ofNode.set(node, bucket);
    bucket.take(now);
    this.#all.take(now);
    return true;
  }

  #summarise(node: string, more: number, now: number): void {
    if (this.#summarised.has(node)) return;
    this.#summarised.set(node, now);
    this.#trouble("more is refused of a node than is logged", { node, more });
  }

  #forget(now: number): void {
    for (const [node, bucket] of this.#ofNode) {
      if (bucket.isFull(now)) this.#ofNode.delete(node);
    }
    for (const [node, at] of this.#summarised) {
      if (now - at >= SUMMARY_EVERY) this.#summarised.delete(node);
    }
  }
}

function textOf({ code }: Notice): string {
  return code === "host-bits"
    ? "what a node asks for is read otherwise than it is written"
    : "refused what a node asks for";
}
