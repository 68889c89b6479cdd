import { WAY } from "../ways.ts";
import { pointsOf } from "./change_report.ts";
import { growthTable } from "./growth.ts";
import type { Goal } from "./goal.ts";
import type { Report } from "./report.ts";
import { type Series, sizesOf, valuesOf } from "./series.ts";
import { printNumber, quantile } from "./statistics.ts";
import { tableOf } from "./table.ts";

/** What programs occupy, and use of the processor, while Nodes say that they are well. */
export function memoryReport(series: readonly Series[]): Report {
  const layout = {
    head: "Program",
    row: ({ way, what }: Series) => `${way}: ${what}`,
    column: ({ peers }: Series) => peers === undefined ? "no Nodes" : `${peers} Nodes`,
  };
  const memory = series.filter(({ unit }) => unit === "MB");
  const ofHubs = memory.filter(({ peers }) => peers !== undefined);
  return {
    tables: [
      tableOf(memory, { ...layout, title: "Resident memory, MB" }),
      tableOf(series.filter(({ unit }) => unit === "%"), {
        ...layout,
        title: "Processor, % of one",
      }),
      tableOf(series.filter(({ unit }) => unit === "MB/h"), {
        ...layout,
        title: "Received from the API server for the heartbeats of an hour, MB",
        row: ({ way }) => way,
      }),
      growthTable(ofHubs, "MB"),
      growthTable(series.filter(({ unit }) => unit === "%"), "% of a processor"),
    ],
    charts: [{
      kind: "lines",
      name: "memory",
      title: "Resident memory after an hour of heartbeats",
      x: "Nodes",
      y: "MB",
      scale: "linear",
      points: pointsOf(ofHubs.filter(({ what }) => what === "after an hour")),
    }],
    goals: goalsOf(series),
  };
}

function goalsOf(series: readonly Series[]): Goal[] {
  const most = sizesOf(series).at(-1)!;
  const value = (way: string, what: string, peers?: number) =>
    quantile(valuesOf(series, way, what, peers), 0.5);
  const hub = value(WAY.hub, "after an hour", most);
  const grown = hub / value(WAY.hub, "in step", most);
  const spoke = value(WAY.spoke, "in step");
  return [
    { goal: `hub at ${most} Nodes ≤ 100 MB`, found: `${printNumber(hub)} MB`, met: hub <= 100 },
    {
      goal: "flat: after an hour of heartbeats ≤ 1.1 × in step",
      found: `${printNumber(grown)} ×`,
      met: grown <= 1.1,
    },
    { goal: "spoke ≤ 70 MB", found: `${printNumber(spoke)} MB`, met: spoke <= 70 },
  ];
}
