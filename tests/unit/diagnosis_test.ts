import { assertEquals } from "@std/assert";
import { type Diagnosis, namedChecks } from "../../lib/doctor/diagnosis.ts";
import { failed, ok, skipped, warning } from "../../lib/doctor/finding.ts";
import { diagnosisJson, renderDiagnosis } from "../../lib/doctor/render_diagnosis.ts";
import { showDiagnosis } from "../../lib/doctor/show_diagnosis.ts";
import { VERSION } from "../../lib/version.ts";
import { NOW } from "./status_reports.ts";

const DIAGNOSIS: Diagnosis = {
  program: "hub",
  node: "hub-1",
  time: NOW,
  checks: namedChecks({
    "WireGuard": ok("the kernel has it"),
    "rp_filter": warning("strict", "sysctl -w x=2"),
    "API": failed("\x1b[2Jno answer"),
  }),
};

Deno.test("renderDiagnosis() has a line for each check, what to do below it, and no control characters", () => {
  assertEquals(
    renderDiagnosis(DIAGNOSIS),
    `\
hub hub-1, version ${VERSION}

ok       WireGuard  the kernel has it
warning  rp_filter  strict
                    → sysctl -w x=2
failed   API        ?[2Jno answer

1 ok, 1 warning, 1 failed, 0 skipped
`,
  );
});

Deno.test("renderDiagnosis() colours without moving anything", () => {
  const coloured = renderDiagnosis(DIAGNOSIS, true);
  const plain = renderDiagnosis(DIAGNOSIS);
  assertEquals(coloured === plain, false);
  // deno-lint-ignore no-control-regex -- they are what is taken away
  assertEquals(coloured.replaceAll(/\x1b\[\d+m/g, ""), plain);
});

Deno.test("diagnosisJson() is JSON with null where there is nothing to do", () => {
  const json = JSON.parse(JSON.stringify(diagnosisJson(DIAGNOSIS)));
  assertEquals([json.program, json.node, json.version], ["hub", "hub-1", VERSION]);
  assertEquals(json.time, "2026-03-01T12:00:00.000Z");
  assertEquals(json.checks.slice(0, 2), [
    { name: "WireGuard", outcome: "ok", found: "the kernel has it", remedy: null },
    { name: "rp_filter", outcome: "warning", found: "strict", remedy: "sysctl -w x=2" },
  ]);
});

Deno.test("showDiagnosis() ends with 1 if a check has failed, and only then", () => {
  const checks = namedChecks({ a: ok("x"), b: warning("y"), c: skipped("z") });
  for (const output of ["table", "json"] as const) {
    let shown = "";
    const screen = { colour: false, write: (text: string) => void (shown += text) };
    assertEquals(showDiagnosis(DIAGNOSIS, output, screen), 1);
    assertEquals(showDiagnosis({ ...DIAGNOSIS, checks }, output, screen), 0);
    assertEquals(shown.startsWith(output === "json" ? "{\n" : "hub hub-1"), true);
  }
  const gone = () => {
    throw new Deno.errors.BrokenPipe("nobody reads");
  };
  assertEquals(showDiagnosis(DIAGNOSIS, "table", { colour: false, write: gone }), 1);
});
