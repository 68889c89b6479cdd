import { WAY } from "../ways.ts";
import { growthTable } from "./growth.ts";
import type { Goal } from "./goal.ts";
import type { Report } from "./report.ts";
import { type Series, sizesOf, valuesOf } from "./series.ts";
import { printNumber, quantile } from "./statistics.ts";
import type { Table } from "./table.ts";

const SHARES = [["p50", 0.5], ["p99", 0.99]] as const;

/** From a patch on the API server to the kernel, beside a watch that does nothing with it. */
export function latencyReport(series: readonly Series[]): Report {
  const delays = series.filter(({ unit }) => unit === "ms");
  const hub = delays.filter(({ way }) => way === WAY.hub);
  return {
    tables: [delayTable(series), growthTable(hub, "ms, p50")],
    charts: [{
      kind: "lines",
      name: "latency",
      title: "From a patched annotation on, while 1 % of the Nodes say something each second",
      x: "Nodes",
      y: "ms, p50 and quartiles",
      points: delays.map(({ way, peers, values }) => ({
        way,
        x: peers!,
        y: quantile(values, 0.5),
        low: quantile(values, 0.25),
        high: quantile(values, 0.75),
      })),
    }],
    goals: sizesOf(series).flatMap((peers) => goalsOf(delays, peers)),
  };
}

function delayTable(series: readonly Series[]): Table {
  const sizes = sizesOf(series);
  const only = (way: string, what: string) =>
    sizes.map((peers) => printNumber(quantile(valuesOf(series, way, what, peers), 0.5)));
  const delays = series.filter(({ unit, peers }) => unit === "ms" && peers === sizes[0]);
  const rows = delays.flatMap(({ way, what }) =>
    SHARES.map(([name, share]) => [
      `${way}: ${what}, ${name}`,
      ...sizes.map((peers) => printNumber(quantile(valuesOf(series, way, what, peers), share))),
    ])
  );
  return {
    title: "From a patched annotation on, ms",
    columns: ["What", ...sizes.map((peers) => `${peers} Nodes`)],
    rows: [
      ...rows,
      [`${WAY.hub}: % of the processor meanwhile`, ...only(WAY.hub, "CPU")],
      ["heartbeats a second that the server took", ...only(WAY.kubelets, "heartbeats")],
    ],
  };
}

function goalsOf(delays: readonly Series[], peers: number): Goal[] {
  const of = (way: string) =>
    delays.filter((one) => one.way === way && one.peers === peers).flatMap(({ values }) => values);
  return SHARES.map(([name, share]) => {
    const bare = quantile(of(WAY.bareWatch), share);
    const found = quantile(of(WAY.hub), share);
    const bound = 1.3 * bare + 10;
    return {
      goal: `${peers} Nodes, ${name} ≤ 1.3 × bare watch + 10 ms = ${printNumber(bound)} ms`,
      found: `${printNumber(found)} ms`,
      met: found <= bound,
    };
  });
}
