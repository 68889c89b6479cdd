import { assertAlmostEquals, assertEquals } from "@std/assert";
import { flowWindow } from "../../bench/report/flow.ts";
import { growthExponent, printNumber, quantile, summarize } from "../../bench/report/statistics.ts";

Deno.test("a quantile lies between its neighbours, whatever the order", () => {
  const cases: [number[], number, number][] = [
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.5, 2.5],
    [[10], 0.99, 10],
    [[0, 100], 0.25, 25],
    [[5, 5, 5, 9], 1, 9],
    [[5, 4, 3], 0, 3],
  ];
  for (const [values, share, expected] of cases) {
    assertAlmostEquals(quantile(values, share), expected);
  }
  assertEquals(Number.isNaN(quantile([], 0.5)), true);
});

Deno.test("a summary has the median and the quartiles, and leaves the values as they were", () => {
  const values = [9, 1, 5, 3, 7];
  assertEquals(summarize(values), { count: 5, median: 5, low: 3, high: 7 });
  assertEquals(values, [9, 1, 5, 3, 7]);
});

Deno.test("the exponent of growth is 0 for what is flat, 1 in proportion, 2 for squares", () => {
  const sizes = [5, 100, 1000, 5000];
  for (const exponent of [0, 1, 2]) {
    const points = sizes.map((size) => [size, 0.3 * size ** exponent] as const);
    assertAlmostEquals(growthExponent(points), exponent, 1e-9);
  }
});

Deno.test("numbers are printed with three digits", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [0.012345, "0.0123"],
    [4.5678, "4.57"],
    [45.678, "45.7"],
    [123.4, "123"],
    [12345, "12,300"],
    [1999.9, "2,000"],
    [NaN, "–"],
  ];
  for (const [value, expected] of cases) assertEquals(printNumber(value), expected);
});

Deno.test("a stretch of a flow counts what left in it, and the gap that it lies in", () => {
  const sent = [0, 10, 20, 30, 40, 50];
  const arrived = [1, 11, null, null, 41, 51];
  const cases: [number, number, { sent: number; lost: number; longestGapMs: number }][] = [
    [0, 15, { sent: 2, lost: 0, longestGapMs: 30 }],
    [5, 45, { sent: 4, lost: 2, longestGapMs: 30 }],
    [41, 50, { sent: 1, lost: 0, longestGapMs: 10 }],
    [60, 100, { sent: 0, lost: 0, longestGapMs: 40 }],
  ];
  for (const [from, to, expected] of cases) {
    assertEquals(flowWindow({ sent, arrived }, from, to), expected, `${from} to ${to}`);
  }
});

Deno.test("an outage that has not ended counts to the end of the stretch", () => {
  const flow = { sent: [0, 10, 20], arrived: [1] };
  assertEquals(flowWindow(flow, 0, 1000), { sent: 3, lost: 2, longestGapMs: 999 });
});
