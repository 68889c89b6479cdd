import type { Invariant } from "./violation.ts";

/** What was wrong with one life. */
export interface Told {
  readonly seed: number;
  /** `ends`: it was broken off by an error. */
  readonly of: Invariant | "ends";
  readonly message: string;
}

/** Lives that a worker is given at a time. */
const AT_ONCE = 20;

/** Lives the lives of so many seeds, on as many processors as there are. @returns what was wrong. */
export async function liveAll(first: number, count: number): Promise<Told[]> {
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const told: Told[] = [];
  const work = async () => {
    const worker = new Worker(import.meta.resolve("./lives_worker.ts"), { type: "module" });
    try {
      await answerOf(worker); // it listens now
      for (let some = seeds.splice(0, AT_ONCE); some.length > 0; some = seeds.splice(0, AT_ONCE)) {
        told.push(...await answerOf(worker, some));
      }
    } finally {
      worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return told.sort((a, b) => a.seed - b.seed);
}

function answerOf(worker: Worker, seeds?: readonly number[]): Promise<readonly Told[]> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<readonly Told[]>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`a worker failed: ${event.message}`));
    };
    if (seeds) worker.postMessage(seeds);
  });
}
