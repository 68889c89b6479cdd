/**
 * `deno task test`, `test:unit`, `test:api`, `test:tunnel`: prepares what the tiers need, runs their
 * tests and prints the counts; the last line is the sum. Exit status 1 if a test failed, a tier
 * crashed or ran nothing, or, where CI is set, a tier could not run. Test files that are named as
 * arguments run alone: `deno task test:tunnel tests/tunnel/join_test.ts`.
 */
import { UserError } from "../lib/user_error.ts";
import { actionlintProgram } from "./lab/actionlint.ts";
import { BROWSER_PACKAGES } from "./lab/browser.ts";
import { cloudInitFolder } from "./lab/cloud_init_program.ts";
import { progress, tryRun } from "./lab/command.ts";
import { canMakeNamespaces, kernelHasWireGuard, userModeLinux } from "./lab/kernel.ts";
import { distrolessRoot } from "./lab/container.ts";
import { kubernetesPrograms } from "./lab/kubernetes_programs.ts";
import { promtoolProgram } from "./lab/promtool.ts";
import {
  BOOT_PACKAGES,
  ensurePackages,
  HOST_PACKAGES,
  SCRIPT_PACKAGES,
  USERSPACE_PACKAGES,
} from "./lab/packages.ts";
import {
  addCounts,
  countTests,
  NO_TESTS,
  printCounts,
  type TestCounts,
} from "./lab/test_counts.ts";
import { runOnStages, type TierRun } from "./lab/run_on_stages.ts";

interface Tier {
  readonly name: string;
  readonly folders: readonly string[];
  readonly accepts: (file: string) => boolean;
  readonly limitMinutes: number;
  /** Installs and builds. @throws {UserError} saying why the tier cannot run here. */
  readonly prepare: () => Promise<void>;
  /** Runs `deno test` on the files and returns its exit status; undefined if it did not get to its end. */
  readonly run: (run: TierRun) => Promise<number | undefined>;
}

const MINUTE_MS = 60_000;
const isUserspace = (file: string) => file.includes("/userspace_");

const TIERS: readonly Tier[] = [
  {
    name: "unit",
    folders: ["tests/unit", "tests/process", "tests/simulation"],
    accepts: () => true,
    limitMinutes: 10,
    prepare: () => Promise.resolve(),
    run: runHere,
  },
  {
    name: "api",
    folders: ["tests/api"],
    accepts: () => true,
    limitMinutes: 15,
    prepare: prepareApi,
    run: async (run) => runOnStages("api", run, await canMakeNamespaces()),
  },
  {
    name: "tunnel",
    folders: ["tests/tunnel"],
    accepts: (file) => !isUserspace(file),
    limitMinutes: 40,
    prepare: prepareTunnels,
    run: async (run) => runOnStages("tunnel", run, await kernelHasWireGuard()),
  },
  {
    name: "tunnel (wireguard-go)",
    folders: ["tests/tunnel"],
    accepts: isUserspace,
    limitMinutes: 15,
    prepare: prepareUserspace,
    run: (run) => runOnStages("tunnel", run, true),
  },
];

/** Test files that were named; without any, all of the tiers run. */
const only = Deno.args.filter((arg) => arg.endsWith("_test.ts"));
const named = Deno.args.filter((arg) => !arg.endsWith("_test.ts"));
const wanted = named.length === 0 ? ["unit", "api", "tunnel"] : named;
const tiers = TIERS.filter(({ name }) => wanted.includes(name.split(" ")[0]!));
const lines: string[] = [];
let sum = NO_TESTS;
await assertNamedFilesExist();
for (const tier of tiers) {
  const begin = Date.now();
  const { counts, remark } = await runTier(tier);
  sum = addCounts(sum, counts);
  const seconds = Math.round((Date.now() - begin) / 1000);
  lines.push(`${tier.name}: ${remark ?? printCounts(counts)} (${seconds} s)`);
  progress(lines.at(-1)!);
}
const summary = [...lines, printCounts(sum)].join("\n");
Deno.stdout.writeSync(new TextEncoder().encode(`\n${summary}\n`));
Deno.exit(sum.failed > 0 || tiers.length === 0 ? 1 : 0);

/** A name that is mistyped must not pass for a test that passed. */
async function assertNamedFilesExist(): Promise<void> {
  const all = (await Promise.all(tiers.map(testFiles))).flat();
  const missing = only.filter((file) => !all.includes(file));
  if (missing.length === 0) return;
  progress(`no test file of the tiers ${wanted.join(", ")}: ${missing.join(", ")}`);
  Deno.exit(2);
}

async function runTier(tier: Tier): Promise<{ counts: TestCounts; remark?: string }> {
  const failed = (remark: string, counts = NO_TESTS) => ({
    counts: addCounts(counts, { passed: 0, failed: 1, skipped: 0 }),
    remark,
  });
  const files = await testFiles(tier);
  if (files.length === 0) {
    return only.length > 0 || tier.accepts === isUserspace
      ? { counts: NO_TESTS, remark: "no tests" }
      : failed("FAILED: no tests");
  }
  try {
    await tier.prepare();
  } catch (thrown) {
    if (!(thrown instanceof UserError) || Deno.env.get("CI")) {
      return failed(`FAILED: cannot be prepared: ${thrown}`);
    }
    return { counts: NO_TESTS, remark: `not run: ${thrown.message}` };
  }
  const results = `${Deno.cwd()}/dist/results/${tier.name.replaceAll(/\W+/g, "-")}`;
  await Deno.remove(results, { recursive: true }).catch(() => {});
  await Deno.mkdir(results, { recursive: true });
  if (!await isSound(files)) return failed("FAILED: the types do not check");
  progress(`${tier.name}: ${files.length} files`);
  const code = await tier.run({ files, results, timeoutMs: tier.limitMinutes * MINUTE_MS });
  const { counts, reported } = await readReports(results);
  if (code === undefined) {
    const unfinished = files.filter((file) => !reported.has(file));
    return failed(
      `FAILED: no end within ${tier.limitMinutes} min, or a crash, without a report of ` +
        `${unfinished.join(", ") || "none"}; ${printCounts(counts)}`,
      counts,
    );
  }
  if (code !== 0 && counts.failed === 0) {
    return failed(`FAILED with status ${code}; ${printCounts(counts)}`, counts);
  }
  if (counts.passed + counts.failed === 0) return failed("FAILED: no test ran", counts);
  return { counts };
}

async function testFiles({ folders, accepts }: Tier): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    try {
      for await (const { name } of Deno.readDir(folder)) {
        if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
      }
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  return files.filter((file) => accepts(file) && (only.length === 0 || only.includes(file))).sort();
}

/** Checks the types, which also fetches every dependency while there is a network. */
async function isSound(files: readonly string[]): Promise<boolean> {
  const programs = ["hub.ts", "spoke.ts", "tests/lab/stage.ts", "tests/lab/traffic_program.ts"];
  const command = [Deno.execPath(), "check", "--quiet", ...files, ...programs];
  return (await tryRun(command, { show: true })).code === 0;
}

/** What the reports say in sum, and the files that have one. */
async function readReports(
  results: string,
): Promise<{ counts: TestCounts; reported: ReadonlySet<string> }> {
  let counts = NO_TESTS;
  const reported = new Set<string>();
  for await (const { name } of Deno.readDir(results)) {
    const report = await Deno.readTextFile(`${results}/${name}/junit.xml`).catch(() => "");
    counts = addCounts(counts, countTests(report));
    if (report) reported.add(name.replace(/^tests\.(\w+)\./, "tests/$1/"));
  }
  return { counts, reported };
}

async function runHere({ files, results, timeoutMs }: TierRun): Promise<number | undefined> {
  const junit = `${results}/all/junit.xml`;
  await Deno.mkdir(`${results}/all`);
  const { code, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--parallel", `--junit-path=${junit}`, ...files],
    env: {
      WG_KUBE_PROPERTY_RUNS: Deno.env.get("WG_KUBE_PROPERTY_RUNS") ?? "100000",
      WG_KUBE_SIMULATION_SEEDS: Deno.env.get("WG_KUBE_SIMULATION_SEEDS") ?? "2000",
    },
    stdin: "null",
    signal: AbortSignal.timeout(timeoutMs),
  }).spawn().status;
  return signal === null ? code : undefined;
}

async function prepareApi(): Promise<void> {
  await ensurePackages([...HOST_PACKAGES, ...BOOT_PACKAGES, ...SCRIPT_PACKAGES]);
  await cloudInitFolder();
  await promtoolProgram();
  await actionlintProgram();
  await kubernetesPrograms();
  if (!await canMakeNamespaces()) await userModeLinux();
}

async function prepareTunnels(): Promise<void> {
  await ensurePackages(HOST_PACKAGES);
  await kubernetesPrograms();
  await distrolessRoot();
  if (!await kernelHasWireGuard()) await userModeLinux();
  await bundlePrograms();
}

async function prepareUserspace(): Promise<void> {
  if (!await canMakeNamespaces()) {
    throw new UserError("it needs namespaces: run it as root, in a container as a privileged one");
  }
  if (!await Deno.stat("/dev/net/tun").then(() => true, () => false)) {
    throw new UserError(
      "wireguard-go needs /dev/net/tun: `modprobe tun`, or give it to the container",
    );
  }
  await ensurePackages([...HOST_PACKAGES, ...USERSPACE_PACKAGES, ...BROWSER_PACKAGES]);
  await kubernetesPrograms();
  await distrolessRoot();
  await bundlePrograms();
}

/** The programs as they are shipped: in dist/hub and dist/spoke. */
async function bundlePrograms(): Promise<void> {
  const { code } = await tryRun([Deno.execPath(), "task", "bundle"], { show: true });
  if (code !== 0) throw new Error("`deno task bundle` failed");
}
