/**
 * Bounds how often something is done: `capacity` times at once, and once every `everyMs` in the long
 * run. Times are in ms of one clock that does not go back.
 */
export class TokenBucket {
  readonly #capacity: number;
  readonly #everyMs: number;
  /** When the bucket will be, or was, full. */
  #fullAt = -Infinity;

  constructor({ capacity, everyMs }: { readonly capacity: number; readonly everyMs: number }) {
    this.#capacity = capacity;
    this.#everyMs = everyMs;
  }

  /** In how many ms it may be done; 0: now. */
  waitMs(now: number): number {
    return Math.max(0, this.#fullAt - now - (this.#capacity - 1) * this.#everyMs);
  }

  /** Counts that it is done now. */
  take(now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + this.#everyMs;
  }

  /** Whether it is as if it had never been used. */
  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }
}
