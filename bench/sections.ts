import type { Section } from "./bench_lab.ts";
import { CHANGE } from "./sections/change.ts";
import { COLD_START } from "./sections/cold_start.ts";
import { LATENCY } from "./sections/latency.ts";
import { LOSS } from "./sections/loss.ts";
import { MEMORY } from "./sections/memory.ts";
import { START } from "./sections/start.ts";
import { THROUGHPUT } from "./sections/throughput.ts";

/** All sections, in the order in which they are measured; the API server stays once it is there. */
export const SECTIONS: readonly Section[] = [
  CHANGE,
  COLD_START,
  START,
  MEMORY,
  THROUGHPUT,
  LOSS,
  LATENCY,
];
