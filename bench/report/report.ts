import type { Chart } from "./chart.ts";
import type { Goal } from "./goal.ts";
import type { Series } from "./series.ts";
import type { Table } from "./table.ts";

/** What the figures of a section come to, for people. */
export interface Report {
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly goals: readonly Goal[];
}

/** Makes tables, plots and verdicts of a section's figures. Pure. */
export type Reporter = (series: readonly Series[]) => Report;
