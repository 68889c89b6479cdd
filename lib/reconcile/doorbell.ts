/** Wakes a loop that waits for something to happen, or for a time. One loop waits at it. */
export class Doorbell {
  #wake: () => void = () => {};

  /** Ends the wait that is under way, if there is one. */
  ring = (): void => this.#wake();

  /** Waits until it rings, that many ms (undefined: as long as it takes), or until the signal. */
  wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = () => {};
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(done, ms);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }
}
