import type { Series } from "./series.ts";
import { growthExponent, printNumber, summarize } from "./statistics.ts";
import type { Table } from "./table.ts";

/** Sizes for which nobody has measured anything: what the slope says of them. */
const BEYOND = [20_000, 100_000];

/**
 * How costs grow with the number of peers: the exponent over all sizes that were measured, and the
 * straight line through the last two continued. It says nothing of walls on the way.
 */
export function growthTable(series: readonly Series[], unit: string): Table {
  const groups = Map.groupBy(
    series.filter(({ peers }) => peers !== undefined),
    ({ way, what }) => `${way}: ${what}`,
  );
  const rows = [...groups].flatMap(([name, group]) => {
    const points = group.map(({ peers, values }) => [peers!, summarize(values).median] as const)
      .sort(([a], [b]) => a - b);
    const [before, last] = points.slice(-2);
    if (points.length < 3 || !before || !last || points.some(([, y]) => y <= 0)) return [];
    const slope = (last[1] - before[1]) / (last[0] - before[0]);
    const ahead = BEYOND.map((peers) =>
      printNumber(Math.max(last[1], last[1] + slope * (peers - last[0])))
    );
    return [[name, growthExponent(points).toFixed(2), printNumber(slope * 1000), ...ahead]];
  });
  return {
    title: `Growth, ${unit}`,
    columns: [
      "What",
      "Exponent",
      "More per 1,000 peers",
      ...BEYOND.map((peers) => `At ${peers.toLocaleString("en-US")}, extrapolated`),
    ],
    rows,
  };
}
