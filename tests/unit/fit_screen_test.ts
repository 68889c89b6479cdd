import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { fitScreen } from "../../lib/status/fit_screen.ts";

const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join("");
const more = (count: number) => `… ${count} lines more, which status shows without --watch`;

Deno.test("fitScreen() leaves out what a terminal does not hold, but for the last line", () => {
  const text = lines("a", "b", "c", "d", "40 peers");
  assertEquals(fitScreen(text, { columns: 80, rows: 6 }), text);
  assertEquals(fitScreen(text, { columns: 80, rows: 5 }), lines("a", "b", more(2), "40 peers"));
  assertEquals(fitScreen(text, { columns: 80, rows: 1 }), lines(more(4), "40 peers"));
  assertEquals(fitScreen("", { columns: 80, rows: 1 }), "");
});

Deno.test("fitScreen() knows that a long line takes several rows, and a colour none", () => {
  const text = lines("x".repeat(81), "\x1b[1mb\x1b[0m", "c");
  assertEquals(fitScreen(text, { columns: 80, rows: 5 }), text);
  assertEquals(fitScreen(text, { columns: 80, rows: 4 }), lines(more(2), "c"));
  const coloured = lines(`\x1b[31m${"x".repeat(80)}\x1b[0m`, "c");
  assertEquals(fitScreen(coloured, { columns: 80, rows: 3 }), coloured);
});

Deno.test("fitScreen() gives no more rows than there are, however long the text", () => {
  const texts = fc.array(fc.nat(30), { maxLength: 60 });
  fc.assert(fc.property(texts, fc.integer({ min: 4, max: 40 }), (lengths, rows) => {
    const text = lines(...lengths.map((length) => "x".repeat(length)));
    const fitted = fitScreen(text, { columns: 100, rows });
    assertEquals(fitted.split("\n").length <= rows, true);
    assertEquals(fitted.endsWith(lines(...lengths.slice(-1).map((one) => "x".repeat(one)))), true);
  }));
});
