import { WAY } from "../ways.ts";
import type { Report } from "./report.ts";
import type { Series } from "./series.ts";
import { summarize } from "./statistics.ts";
import { tableOf } from "./table.ts";

/** Datagrams that an unconcerned peer lost, and the longest gap. */
export function lossReport(series: readonly Series[]): Report {
  const lost = series.filter(({ unit }) => unit === "lost");
  const gaps = series.filter(({ unit }) => unit === "ms");
  const layout = {
    head: "Way",
    row: ({ way }: Series) => way,
    column: ({ what }: Series) => what.replace(", gap", ""),
  };
  const own = lost.filter(({ way }) => way === WAY.hub).flatMap(({ values }) => values);
  const worst = Math.max(...own);
  return {
    tables: [
      tableOf(lost, {
        ...layout,
        title: "Datagrams lost by a peer that is not concerned, of 300/s",
      }),
      tableOf(gaps, { ...layout, title: "Longest gap between two arrivals, ms" }),
    ],
    charts: [{
      kind: "bars",
      name: "loss",
      title: "Datagrams lost by a peer that is not concerned, of 300 a second",
      value: "datagrams lost",
      bars: lost.map(({ way, what, values }) => ({
        way,
        group: what,
        value: summarize(values).median,
      })),
    }],
    goals: own.length === 0 ? [] : [{
      goal: "0 lost at add, change, remove and restart of the hub",
      found: `at most ${worst} of ${own.length} measurements`,
      met: worst === 0,
    }],
  };
}
