import { sleep as realSleep } from "../backoff.ts";

/** Wakes a loop that waits for something to happen, or for a time. One loop waits at it. */
export class Doorbell {
  readonly #sleep: typeof realSleep;
  #wake: () => void = () => {};

  /** @param sleep as {@linkcode realSleep}, for tests. */
  constructor(sleep: typeof realSleep = realSleep) {
    this.#sleep = sleep;
  }

  /** Ends the wait that is under way, if there is one. */
  ring = (): void => this.#wake();

  /** Waits until it rings, that many ms (undefined: as long as it takes), or until the signal. */
  wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const over = new AbortController();
      const done = () => {
        if (over.signal.aborted) return;
        over.abort();
        signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      signal.addEventListener("abort", done);
      this.#wake = done;
      if (ms !== undefined) void this.#sleep(ms, over.signal).then(done);
    });
  }
}
