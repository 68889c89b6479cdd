/** One answer for all who ask at about the same time: asking anew has its price. */
export class Coalesced<Value> {
  readonly #ask: () => Promise<Value>;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #askedAt = -Infinity;
  #answer: Promise<Value> | undefined;

  /**
   * @param maxAgeMs how old an answer may be, counted from the question.
   * @param now milliseconds of a clock that does not go back.
   */
  constructor(ask: () => Promise<Value>, maxAgeMs: number, now = () => performance.now()) {
    this.#ask = ask;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /** The last answer, or failure, if it is fresh; else a new one. */
  get(): Promise<Value> {
    if (!this.#answer || this.#now() - this.#askedAt >= this.#maxAgeMs) {
      this.#askedAt = this.#now();
      this.#answer = this.#ask();
    }
    return this.#answer;
  }
}
