import { WAY } from "../ways.ts";
import type { Report } from "./report.ts";
import type { Series } from "./series.ts";
import { printNumber, quantile } from "./statistics.ts";
import { tableOf } from "./table.ts";

/** What goes through a tunnel: the kernel's doing, whoever configured it. */
export function throughputReport(series: readonly Series[]): Report {
  const of = (way: string) =>
    quantile(series.filter((one) => one.way === way).flatMap(({ values }) => values), 0.5);
  const share = of(WAY.hub) / of(WAY.hand);
  return {
    tables: [tableOf(series, {
      title: "Throughput, Mbit/s",
      head: "Tunnel",
      row: ({ way }) => way,
      column: ({ what }) => what,
    })],
    charts: [],
    goals: [{
      goal: "as much as through an interface made by hand, within a tenth",
      found: `${printNumber(share)} ×`,
      met: share >= 0.9,
    }],
  };
}
