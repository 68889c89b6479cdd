import { assertEquals } from "@std/assert";
import { agreementOf, printAgreement } from "../../bench/report/agreement.ts";
import type { SectionResult } from "../../bench/report/series.ts";

function run(values: Record<string, number[]>, other: Partial<SectionResult> = {}): SectionResult {
  return {
    section: "change",
    at: "2026-11-30T23:40:00.000Z",
    seconds: 10,
    quick: false,
    machine: "a machine",
    series: Object.entries(values).map(([what, values]) => ({
      way: "Go",
      what,
      peers: 5,
      unit: "ms",
      values,
    })),
    ...other,
  };
}

Deno.test("two runs agree where quartiles overlap or medians are a tenth apart, and nowhere else", () => {
  const before = run({ near: [100], overlap: [1, 2, 3], apart: [1, 1, 1], far: [1], gone: [1] });
  const after = run({ near: [109], overlap: [1, 3, 5], apart: [2, 2, 2], far: [5], fresh: [1] });
  const agreement = agreementOf(before, after)!;
  assertEquals(agreement.compared, 4);
  assertEquals(agreement.apart.map(({ name }) => name), ["Go: far, 5", "Go: apart, 5"]);
  assertEquals(
    printAgreement(agreement),
    "_Beside the run of 2026-11-30 23:40 UTC: 2 of 4 medians agree, but for " +
      "Go: far, 5 (1, now 5 ms); Go: apart, 5 (1, now 2 ms)._",
  );
  assertEquals(
    printAgreement(agreementOf(before, before)!),
    "_Beside the run of 2026-11-30 23:40 UTC: 5 of 5 medians agree._",
  );
});

Deno.test("of a machine that is slower on the whole, it is said what agrees apart from that", () => {
  const before = run({ a: [1], b: [2], c: [3], d: [4], e: [5] });
  const after = run({ a: [2], b: [4], c: [6], d: [8], e: [30] });
  const agreement = agreementOf(before, after)!;
  assertEquals(agreement.pace, { factor: 2, agreeing: 4 });
  assertEquals(agreement.apart.length, 5);
  assertEquals(
    printAgreement(agreement).split("). ")[1],
    "On the whole times were 2 × those of then; that set aside, 4 of 5 agree._",
  );
});

Deno.test("runs on other machines, and quick ones, are not compared with full ones", () => {
  const full = run({ add: [1] });
  assertEquals(agreementOf(full, run({ add: [1] }, { machine: "another" })), undefined);
  assertEquals(agreementOf(full, run({ add: [1] }, { quick: true })), undefined);
});
