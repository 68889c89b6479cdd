/** Sleepers wake in the order of their time, and time is what the next of them waits for. */
export class VirtualTime {
  now = 0;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  /** As the sleep of backoff.ts: the signal wakes, too. */
  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = { at: this.now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
      const sleepers = this.#sleepers;
      function wake() {
        sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      }
    });

  /** Lets all happen that happens until then. @throws {Error} if nobody waits for anything. */
  async pass(until: number): Promise<void> {
    while (this.now < until) {
      await new Promise((resolve) => setTimeout(resolve)); // all that can happen now, happens
      const next = [...this.#sleepers].reduce((a, b) => b.at < a.at ? b : a);
      this.now = next.at;
      next.wake();
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
}
