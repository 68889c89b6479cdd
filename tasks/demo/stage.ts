/**
 * `stage.ts BEGIN COLOUR`: the demo itself, in namespaces that were made for it by demo.ts. Exit
 * status 0 if all was as it should be, else 1, with the programs' logs.
 */
import { messageOf } from "../../lib/user_error.ts";
import { STATE_VARIABLE } from "../../tests/lab/shared_lab.ts";
import { DemoCluster } from "./demo_cluster.ts";
import { runDemo } from "./run_demo.ts";
import { StepLog } from "./step_log.ts";

/** The path of this file, to run it elsewhere. */
export const STAGE = new URL(import.meta.url).pathname;

async function onStage(log: StepLog): Promise<number> {
  Deno.env.set(STATE_VARIABLE, "demo"); // this network namespace is ours alone
  await using cluster = await DemoCluster.start();
  try {
    await runDemo(cluster, log);
    return 0;
  } catch (error) {
    log.bad(`FAILED: ${messageOf(error)}`);
    log.raw(`\n${cluster.logs()}\n`);
    return 1;
  }
}

if (import.meta.main) {
  const [begin, colour] = Deno.args;
  const log = new StepLog({
    write: (text) => void Deno.stdout.writeSync(new TextEncoder().encode(text)),
    now: Date.now,
    begin: Number(begin),
    colour: colour === "colour",
  });
  Deno.exit(await onStage(log));
}
