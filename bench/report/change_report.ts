import { WAY } from "../ways.ts";
import type { ChartPoint } from "./chart.ts";
import type { Goal } from "./goal.ts";
import { growthTable } from "./growth.ts";
import type { Report } from "./report.ts";
import { type Series, sizesOf, valuesOf } from "./series.ts";
import { printNumber, summarize } from "./statistics.ts";
import { tableOf } from "./table.ts";

const OPERATIONS = ["add", "change", "remove"];

/** What one change costs beside so many peers. */
export function changeReport(series: readonly Series[]): Report {
  const wall = series.filter(({ what }) => !what.endsWith("CPU"));
  const cpu = series.filter(({ what }) => what.endsWith("CPU"));
  const layout = {
    head: "Way",
    row: ({ way, what }: Series) => `${way}: ${what.replace(", CPU", "")}`,
    column: ({ peers }: Series) => `${peers} peers`,
  };
  return {
    tables: [
      tableOf(wall, { ...layout, title: "One change, ms" }),
      tableOf(cpu, { ...layout, title: "One change, ms of CPU" }),
      growthTable(wall, "ms"),
    ],
    charts: [{
      kind: "lines",
      name: "change",
      title: "One peer is added",
      x: "peers",
      y: "ms",
      points: pointsOf(wall.filter(({ what }) => what === "add")),
    }],
    goals: goalsOf(wall),
  };
}

/** The medians and quartiles of series as points of a plot. */
export function pointsOf(series: readonly Series[]): ChartPoint[] {
  return series.map(({ way, peers, values }) => {
    const { median, low, high } = summarize(values);
    return { way, x: peers!, y: median, low, high };
  });
}

function goalsOf(wall: readonly Series[]): Goal[] {
  const sizes = sizesOf(wall);
  const most = sizes.at(-1)!;
  const all = (way: string, peers: number) =>
    OPERATIONS.map((what) => summarize(valuesOf(wall, way, what, peers)).median);
  const mean = (way: string, peers: number) =>
    all(way, peers).reduce((sum, value) => sum + value, 0) / OPERATIONS.length;
  const ratio = (goal: string, found: number, bound: number): Goal => ({
    goal,
    found: `${printNumber(found)} ×`,
    met: found <= bound,
  });
  return [WAY.told, WAY.turn].flatMap((own) => [
    ratio(
      `${own} at ${most} peers ≤ 1 × ${WAY.known}`,
      mean(own, most) / mean(WAY.known, most),
      1,
    ),
    ratio(
      `${own} at ${most} peers ≤ 1/100 of ${WAY.diff}`,
      mean(own, most) / mean(WAY.diff, most),
      1 / 100,
    ),
    ratio(
      `${own} at ${most} peers ≤ 1/1,000 of ${WAY.full}`,
      mean(own, most) / mean(WAY.full, most),
      1 / 1000,
    ),
    ratio(
      `${own} at ${most} peers ≤ 1.5 × at ${sizes[0]}`,
      mean(own, most) / mean(own, sizes[0]!),
      1.5,
    ),
  ]);
}
