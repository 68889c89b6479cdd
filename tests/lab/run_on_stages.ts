import { progress } from "./command.ts";
import { LANE_FILE, LANE_VARIABLE } from "./shared_lab.ts";
import { runInNamespaces, runInUserModeLinux } from "./uml.ts";

/** What a tier is to run. */
export interface TierRun {
  readonly files: readonly string[];
  /** Folder for the reports and, after failures, logs. */
  readonly results: string;
  readonly timeoutMs: number;
}

/** As many stages side by side as this machine has processors, and memory for. */
const LANES = Math.max(1, Math.min(navigator.hardwareConcurrency, 4));

/**
 * Runs test files by stage.ts, on several stages side by side.
 *
 * @param onOwnKernel in namespaces of this machine; otherwise in user-mode Linux.
 * @returns the worst exit status; undefined if not all have come to their end.
 */
export async function runOnStages(
  stage: "api" | "tunnel",
  { files, results, timeoutMs }: TierRun,
  onOwnKernel: boolean,
): Promise<number | undefined> {
  const command = [
    ...[Deno.execPath(), "run", "-A", "--no-check", "--cached-only", "tests/lab/stage.ts"],
    ...[stage, results, ...files],
  ];
  const contained = onOwnKernel ? runInNamespaces : runInUserModeLinux;
  const lanes = Math.min(LANES, files.length);
  const end = Date.now() + timeoutMs;
  const runLane = (lane: number) =>
    contained(command, {
      env: { ...Deno.env.toObject(), [LANE_VARIABLE]: `${lane}` },
      cwd: Deno.cwd(),
      results,
      timeoutMs: end - Date.now(),
      memoryShare: 1 / lanes,
    });
  const codes = await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const code = await runLane(lane);
      if (code !== "no kernel") return code;
      // No test can take user-mode Linux down: what it was running begins again, once.
      const again = await giveBack(results, lane);
      progress(`the lab's kernel crashed or stood still: booted again for ${again.join(", ")}`);
      const second = await runLane(lane);
      return second === "no kernel" ? undefined : second;
    }),
  );
  return codes.reduce((worst, code) =>
    worst === undefined || code === undefined ? undefined : Math.max(worst, code)
  );
}

/** Makes free what a lane has begun and not ended. @returns its files. */
async function giveBack(results: string, lane: number): Promise<string[]> {
  const free: string[] = [];
  for await (const { name } of Deno.readDir(results)) {
    const report = `${results}/${name}`;
    const owner = await Deno.readTextFile(`${report}/${LANE_FILE}`).catch(() => "");
    const isDone = await Deno.stat(`${report}/output.txt`).then(() => true, () => false);
    if (isDone || owner !== `${lane}`) continue;
    await Deno.remove(report, { recursive: true });
    free.push(name);
  }
  return free;
}
