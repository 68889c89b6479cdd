import { changeReport } from "./change_report.ts";
import { coldStartReport } from "./cold_start_report.ts";
import { latencyReport } from "./latency_report.ts";
import { lossReport } from "./loss_report.ts";
import { memoryReport } from "./memory_report.ts";
import type { Reporter } from "./report.ts";
import { startReport } from "./start_report.ts";
import { throughputReport } from "./throughput_report.ts";

/** Who makes tables of which section. */
export const REPORTERS: Readonly<Record<string, Reporter>> = {
  "loss": lossReport,
  "change": changeReport,
  "cold-start": coldStartReport,
  "start": startReport,
  "memory": memoryReport,
  "throughput": throughputReport,
  "latency": latencyReport,
};
