/**
 * `deno task bench [--quick] [--only SECTION]…`: measures this program and what people would use
 * instead, side by side, and prints tables. Each section has a run of the lab to itself: one that
 * fails, hangs or brings its kernel down costs the others nothing. A full run also writes
 * `bench/results/`, the plots and the tables of docs/performance.md, section by section, and says how
 * far it agrees with the run before; a quick one writes to `dist/bench/` alone. Exit status 1 if a
 * section could not be measured.
 */
import { parseArgs } from "@std/cli/parse-args";
import { UserError } from "../lib/user_error.ts";
import { bundle, DIST } from "../tasks/bundle.ts";
import { PROGRAMS } from "../tasks/permissions.ts";
import { progress, run } from "../tests/lab/command.ts";
import { kernelHasWireGuard, userModeLinux } from "../tests/lab/kernel.ts";
import { kubernetesPrograms } from "../tests/lab/kubernetes_programs.ts";
import { ensurePackages, HOST_PACKAGES } from "../tests/lab/packages.ts";
import { runInNamespaces, runInUserModeLinux } from "../tests/lab/uml.ts";
import { manyMappings } from "./mappings.ts";
import { agreementOf, printAgreement } from "./report/agreement.ts";
import { present } from "./report/present.ts";
import type { SectionResult } from "./report/series.ts";
import { RESULTS, writeReport } from "./report/write_report.ts";
import { rivalPrograms } from "./rivals.ts";
import { SECTIONS } from "./sections.ts";

/** Sections begin no later than this after everything was built; the last may end a little after. */
const LIMIT_MS = 30 * 60_000;
const SECTION_LIMIT_MS = 9 * 60_000;
const PACKAGES = [
  ...HOST_PACKAGES,
  { name: "iperf3", has: "iperf3", why: "throughput through a tunnel" },
];
/** Where a run writes first. */
const FRESH = `${DIST}/bench`;

const given: { quick: boolean; only: string[] } = parseArgs(Deno.args, {
  boolean: ["quick"],
  string: ["only"],
  collect: ["only"],
});
Deno.exit(await bench(given.quick, given.only));

async function bench(quick: boolean, only: readonly string[]): Promise<number> {
  const begin = Date.now();
  const names = SECTIONS.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    progress(`no section ${unknown}; there are ${names.join(", ")}`);
    return 2;
  }
  const wanted = SECTIONS.filter(({ name }) => only.length === 0 || only.includes(name));
  const onOwnKernel = await kernelHasWireGuard();
  try {
    await prepare(wanted.some(({ needsCluster }) => needsCluster), onOwnKernel);
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    progress(thrown.message);
    return 2;
  }
  await Deno.remove(FRESH, { recursive: true }).catch(() => {});
  await Deno.mkdir(FRESH, { recursive: true });
  await using _ = onOwnKernel ? undefined : await manyMappings();
  const ready = Date.now();
  const failed: string[] = [];
  for (const { name } of wanted) {
    const left = Math.max(0, ready + LIMIT_MS - Date.now());
    const before = await resultIn(RESULTS, name);
    await measure(name, { quick, onOwnKernel, timeoutMs: Math.min(SECTION_LIMIT_MS, left) });
    const result = await resultIn(FRESH, name);
    if (!result) {
      failed.push(name);
      continue;
    }
    const report = present(result);
    const agreement = before && !quick ? agreementOf(before, result) : undefined;
    print(`# ${name}\n\n${report.text}${agreement ? `\n${printAgreement(agreement)}\n` : ""}`);
    await writeReport(result, report, { agreement, ...(quick && { folder: FRESH }) });
  }
  if (!quick) await run([Deno.execPath(), "fmt", "--quiet", "docs/performance.md"]);
  const seconds = (from: number) => Math.round((Date.now() - from) / 1000);
  progress(
    `the benchmark took ${seconds(ready)} s, and ${seconds(begin) - seconds(ready)} s before`,
  );
  if (failed.length > 0) progress(`NOT MEASURED: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

/** Runs one section in a lab of its own, which leaves a file if it succeeds. */
async function measure(
  section: string,
  { quick, onOwnKernel, timeoutMs }: {
    readonly quick: boolean;
    readonly onOwnKernel: boolean;
    readonly timeoutMs: number;
  },
): Promise<void> {
  const contained = onOwnKernel ? runInNamespaces : runInUserModeLinux;
  const code = await contained([
    ...[Deno.execPath(), "run", "-A", "--no-check", "--cached-only", "bench/stage.ts"],
    ...[`${Deno.cwd()}/${FRESH}`, quick ? "quick" : "full", section],
  ], {
    env: Deno.env.toObject(),
    cwd: Deno.cwd(),
    results: `${Deno.cwd()}/${FRESH}`,
    timeoutMs,
  });
  if (code === undefined) progress(`${section}: not ready after ${Math.round(timeoutMs / 1000)} s`);
  if (code === "no kernel") progress(`${section}: the kernel that it ran in has crashed`);
}

async function resultIn(folder: string, section: string): Promise<SectionResult | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${folder}/${section}.json`)) as SectionResult;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return undefined;
    throw thrown;
  }
}

function print(text: string): void {
  let rest = new TextEncoder().encode(`${text}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}

/** Installs and builds what is lacking, and fetches dependencies while there is a network. */
async function prepare(needsCluster: boolean, onOwnKernel: boolean): Promise<void> {
  await ensurePackages(PACKAGES);
  const deno = Deno.execPath();
  await run([deno, "check", "--quiet", "bench/stage.ts", ...await programFiles()], { show: true });
  await Promise.all([
    rivalPrograms(),
    onOwnKernel ? undefined : userModeLinux(),
    needsCluster ? kubernetesPrograms() : undefined,
    ...PROGRAMS.map((program) => bundle(program, DIST)),
  ]);
}

async function programFiles(): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir("bench/programs"));
  return files.map(({ name }) => `bench/programs/${name}`);
}
