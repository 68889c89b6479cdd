/** A worker that lives the lives of the seeds it is sent, one after the other. */
import { simulate } from "./simulate.ts";
import type { Told } from "./live_all.ts";

// The types of a worker's globals exclude those of a program's: one check cannot have both.
const self = globalThis as unknown as Pick<Worker, "postMessage"> & EventTarget;

self.addEventListener("message", (event) => {
  void live((event as MessageEvent<readonly number[]>).data);
});

// What was sent before now has not been heard.
self.postMessage([]);

async function live(seeds: readonly number[]): Promise<void> {
  const told: Told[] = [];
  for (const seed of seeds) {
    try {
      const violation = await simulate(seed);
      if (violation) told.push({ seed, of: violation.invariant, message: violation.message });
    } catch (error) {
      told.push({
        seed,
        of: "ends",
        message: String(error instanceof Error ? error.stack : error),
      });
    }
  }
  self.postMessage(told);
}
