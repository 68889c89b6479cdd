/**
 * `deno task bench [--quick] [--only SECTION]…`: measures this program and what people would use
 * instead, side by side inside one run of the lab, and prints tables. A full run also writes
 * `bench/results/`, the plots and the tables of docs/performance.md; a quick one writes to
 * `dist/bench/` alone. Exit status 1 if a section could not be measured.
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
import { present } from "./report/present.ts";
import type { SectionResult } from "./report/series.ts";
import { writeReport } from "./report/write_report.ts";
import { rivalPrograms } from "./rivals.ts";
import { SECTIONS } from "./sections.ts";

const LIMIT_MS = 30 * 60_000;
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
  const contained = onOwnKernel ? runInNamespaces : runInUserModeLinux;
  const code = await contained([
    ...[Deno.execPath(), "run", "-A", "--no-check", "--cached-only", "bench/stage.ts"],
    ...[`${Deno.cwd()}/${FRESH}`, quick ? "quick" : "full", ...wanted.map(({ name }) => name)],
  ], {
    env: Deno.env.toObject(),
    cwd: Deno.cwd(),
    results: `${Deno.cwd()}/${FRESH}`,
    timeoutMs: LIMIT_MS,
  });
  const results: SectionResult[] = [];
  for (const { name } of wanted) {
    const text = await Deno.readTextFile(`${FRESH}/${name}.json`).catch(() => undefined);
    if (text !== undefined) results.push(JSON.parse(text) as SectionResult);
  }
  const reports = results.map(present);
  const printed = reports.map(({ text }) => text).join("\n");
  Deno.stdout.writeSync(new TextEncoder().encode(`${printed}\n`));
  await writeReport(results, reports, quick ? FRESH : undefined);
  if (!quick) await run([Deno.execPath(), "fmt", "--quiet", "docs/performance.md"]);
  progress(`the benchmark took ${Math.round((Date.now() - begin) / 1000)} s`);
  return code === 0 && results.length === wanted.length ? 0 : 1;
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
