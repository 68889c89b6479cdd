import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { plot } from "../../bench/report/plot.ts";
import { present } from "../../bench/report/present.ts";
import type { Series } from "../../bench/report/series.ts";
import { printTable, tableOf } from "../../bench/report/table.ts";
import { withTables } from "../../bench/report/write_report.ts";
import { WAY } from "../../bench/ways.ts";

/** The figures of a change section in which ours costs `own` ms, whatever the number of peers. */
function changes(own: number): Series[] {
  const costs: [string, (peers: number) => number][] = [
    [WAY.full, (peers) => peers * 0.5],
    [WAY.diff, (peers) => peers * 0.02],
    [WAY.known, () => 0.5],
    [WAY.told, () => own],
    [WAY.turn, () => own],
  ];
  return [5, 100, 1000, 5000].flatMap((peers) =>
    costs.flatMap(([way, cost]) =>
      ["add", "change", "remove"].flatMap((what) => [
        { way, what, peers, unit: "ms", values: [0.9, 1, 1.1].map((x) => x * cost(peers)) },
        { way, what: `${what}, CPU`, peers, unit: "ms", values: [cost(peers)] },
      ])
    )
  );
}

function resultOf(series: readonly Series[]) {
  return {
    section: "change",
    at: "2026-11-25T09:00:00.000Z",
    seconds: 10,
    quick: false,
    machine: "a machine",
    series,
  };
}

Deno.test("a table has a median with its quartiles in each cell, and a dash where nothing is", () => {
  const table = tableOf([
    { way: "a", what: "add", peers: 5, unit: "ms", values: [1, 2, 3] },
    { way: "b", what: "add", peers: 100, unit: "ms", values: [4] },
  ], {
    title: "Title",
    head: "Way",
    row: ({ way }) => way,
    column: ({ peers }) => `${peers} peers`,
  });
  assertEquals(table.rows, [["a", "2 (1.5–2.5)", "–"], ["b", "–", "4"]]);
  assertEquals(printTable(table).split("\n").slice(2, 4), [
    "| Way | 5 peers     | 100 peers |",
    "| --- | ----------- | --------- |",
  ]);
});

Deno.test("goals are met or missed as the figures say, and by how much", () => {
  const verdicts = (own: number) =>
    present(resultOf(changes(own))).text.split("\n")
      .filter((line) => line.includes("≤"))
      .map((line) => line.includes("**no**") ? "missed" : "met");
  assertEquals(new Set(verdicts(0.1)), new Set(["met"]));
  assertEquals(verdicts(2).slice(0, 4), ["missed", "missed", "met", "met"]);
  assertStringIncludes(present(resultOf(changes(2))).text, "4 ×");
});

Deno.test("what grows is told apart from what does not", () => {
  const { text } = present(resultOf(changes(0.1)));
  assert(new RegExp(`${WAY.full}: add +\\| 1\\.00`).test(text));
  assert(new RegExp(`${WAY.told}: add +\\| 0\\.00`).test(text));
});

Deno.test("plots are drawn with all ways in them", async () => {
  const { charts } = present(resultOf(changes(0.1)));
  const bars = { kind: "bars", name: "b", title: "Bars", value: "lost" } as const;
  const drawn = await Promise.all([
    ...charts.map(plot),
    plot({ ...bars, bars: [WAY.full, WAY.told].map((way) => ({ way, group: "add", value: 1 })) }),
  ]);
  for (const svg of drawn) {
    assertStringIncludes(svg, "<svg");
    for (const way of [WAY.full, WAY.told]) assertStringIncludes(svg, way);
  }
});

Deno.test("the tables of a section take the place of its earlier ones in the page", () => {
  const page = "before\n<!-- bench:a -->\nold\n<!-- /bench -->\nbetween\n<!-- bench:b -->\n" +
    "<!-- /bench -->\nafter\n";
  const written = withTables(withTables(page, "a", "new"), "b", "more");
  assertEquals(
    written.replaceAll("\n\n", "\n"),
    "before\n<!-- bench:a -->\nnew\n<!-- /bench -->\nbetween\n<!-- bench:b -->\nmore\n" +
      "<!-- /bench -->\nafter\n",
  );
  assertThrows(() => withTables(page, "c", ""), Error, "no place for the tables of c");
});
