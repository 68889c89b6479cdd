/**
 * `stage.ts RESULTS quick|full SECTION…`: measures the sections, one after another, where the lab
 * is: inside user-mode Linux, or in namespaces of this machine. Each leaves a file of its own.
 */
import { progress } from "../tests/lab/command.ts";
import { type StageState, STATE_VARIABLE } from "../tests/lab/shared_lab.ts";
import { Underlay } from "../tests/lab/underlay.ts";
import { BenchLab, CLUSTER, type Section } from "./bench_lab.ts";
import type { SectionResult } from "./report/series.ts";
import { rivalPrograms } from "./rivals.ts";
import { SECTIONS } from "./sections.ts";

const [results, mode, ...names] = Deno.args;
const quick = mode === "quick";
const folder = await Deno.makeTempDir({ prefix: "wg-kube-bench-" });
const failed = await measureAll();
await Deno.remove(folder, { recursive: true });
Deno.exit(failed ? 1 : 0);

async function measureAll(): Promise<boolean> {
  const rivals = await rivalPrograms();
  Deno.env.set(STATE_VARIABLE, JSON.stringify({ folder, ...CLUSTER })); // this namespace is ours
  await using underlay = await Underlay.create(`${CLUSTER.address}/24`);
  await underlay.attachOurselves("203.0.113.250/24");
  const state: StageState = { folder, ...CLUSTER, switchPid: underlay.host.pid };
  Deno.env.set(STATE_VARIABLE, JSON.stringify(state));
  await using lab = new BenchLab({ quick, underlay, rivals, folder });
  let failed = false;
  for (const section of SECTIONS.filter(({ name }) => names.includes(name))) {
    try {
      await measure(section, lab);
    } catch (thrown) {
      failed = true;
      progress(`${section.name} FAILED: ${thrown instanceof Error ? thrown.stack : thrown}`);
    }
  }
  return failed;
}

async function measure(section: Section, lab: BenchLab): Promise<void> {
  const begin = new Date();
  progress(`measuring: ${section.name}`);
  const series = await section.run(lab);
  const seconds = Math.round((Date.now() - begin.getTime()) / 1000);
  const result: SectionResult = {
    section: section.name,
    at: begin.toISOString(),
    seconds,
    quick,
    machine: await machineText(),
    series,
  };
  await Deno.writeTextFile(`${results}/${section.name}.json`, JSON.stringify(result));
  progress(`measured: ${section.name} (${seconds} s)`);
}

/** The kernel and the processor that the figures are of. */
async function machineText(): Promise<string> {
  const [version, cpu] = await Promise.all(
    ["/proc/sys/kernel/osrelease", "/proc/cpuinfo"].map((path) => Deno.readTextFile(path)),
  );
  const isContained = cpu!.includes("User Mode Linux");
  const processors = `${navigator.hardwareConcurrency} CPU`;
  return `Linux ${version!.trim()}${isContained ? " in user-mode Linux" : ""}, ${processors}`;
}
