import { WAY } from "../ways.ts";
import { pointsOf } from "./change_report.ts";
import type { Goal } from "./goal.ts";
import { growthTable } from "./growth.ts";
import type { Report } from "./report.ts";
import { type Series, sizesOf, valuesOf } from "./series.ts";
import { printNumber, quantile } from "./statistics.ts";
import { tableOf } from "./table.ts";

/** What it takes to tell an empty interface everything. */
export function coldStartReport(series: readonly Series[]): Report {
  const most = sizesOf(series).at(-1)!;
  const median = (way: string, what: string) => quantile(valuesOf(series, way, what, most), 0.5);
  const goal = (text: string, found: number, bound: number): Goal => ({
    goal: text,
    found: `${printNumber(found)} ×`,
    met: found <= bound,
  });
  return {
    tables: [
      tableOf(series, {
        title: "From an empty interface to all peers and routes, ms",
        head: "Way",
        row: ({ way, what }) => `${way}: ${what}`,
        column: ({ peers }) => `${peers} peers`,
      }),
      growthTable(series, "ms"),
    ],
    charts: [{
      kind: "lines",
      name: "cold-start",
      title: "From an empty interface to all peers, each with a route",
      x: "peers",
      y: "ms",
      points: pointsOf(series.filter(({ what }) => what === "all")),
    }],
    goals: [
      goal(
        `peers at ${most} ≤ 1.2 × ${WAY.gathering}`,
        median(WAY.told, "peers") / median(WAY.gathering, "peers"),
        1.2,
      ),
      goal(
        `routes at ${most} ≤ 1/5 of ip -batch`,
        median(WAY.told, "routes") / median(WAY.setconf, "routes"),
        1 / 5,
      ),
    ],
  };
}
