import type { Report } from "./report.ts";
import type { Series } from "./series.ts";
import { growthTable } from "./growth.ts";
import { tableOf } from "./table.ts";

/** How long programs take to be of use. */
export function startReport(series: readonly Series[]): Report {
  const hubs = series.filter(({ peers }) => peers !== undefined);
  return {
    tables: [
      tableOf(series.filter(({ peers }) => peers === undefined), {
        title: "Start, ms",
        head: "Program",
        row: ({ way, what }) => `${way}: ${what}`,
        column: () => "ms",
      }),
      tableOf(hubs, {
        title: "Start of a hub, ms",
        head: "What",
        row: ({ what }) => what,
        column: ({ peers }) => `${peers} Nodes`,
      }),
      growthTable(hubs, "ms"),
    ],
    charts: [],
    goals: [],
  };
}
