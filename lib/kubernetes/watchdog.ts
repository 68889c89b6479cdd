/** A time limit that can be put off: the signal is aborted with the given reason when it runs out. */
export class Watchdog implements Disposable {
  readonly #expired = new AbortController();
  readonly #ms: number;
  readonly #reason: () => Error;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param ms the time without {@linkcode Watchdog.feed} after which the signal is aborted. */
  constructor(ms: number, reason: () => Error) {
    this.#ms = ms;
    this.#reason = reason;
    this.feed();
  }

  /** Aborted when the time has run out. */
  get signal(): AbortSignal {
    return this.#expired.signal;
  }

  /** There is life: the time begins again. */
  feed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expired.abort(this.#reason()), this.#ms);
  }

  /** No more limit. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
