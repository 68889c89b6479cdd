import { configureLog, logOf } from "../../lib/log.ts";
import type { OptionTable } from "../../lib/options/option.ts";
import { PATH } from "../../lib/options/value_types.ts";
import { runProgram } from "../../lib/run_program.ts";
import { UserError } from "../../lib/user_error.ts";

const OPTIONS = {
  behaviour: {
    flag: "behaviour",
    variable: "BEHAVIOUR",
    type: PATH,
    default: "wait",
    help: "How to behave",
  },
  logFile: {
    flag: "log-file",
    variable: "LOG_FILE",
    type: PATH,
    otherwise: "standard error",
    help: "Where to log",
  },
} as const satisfies OptionTable;

const say = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
/** Keeps the process alive for the length of a test that has hung. */
const wait = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, 20_000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

await runProgram(
  { name: "fixture", summary: "Behaves as it is told.", options: OPTIONS },
  async ({ options, signal, onHangup }) => {
    if (options.behaviour === "early") throw new Error("lost before there is a log");
    configureLog({
      format: "text",
      level: "info",
      ...(options.logFile !== undefined && { file: options.logFile }),
    });
    const hangup = new AbortController();
    onHangup(() => hangup.abort());
    await say("up");
    switch (options.behaviour) {
      case "throw":
        throw new Error("lost");
      case "reject":
        Promise.reject(new Error("lost"));
        break;
      case "timer":
        setTimeout(() => {
          throw new Error("lost");
        });
        break;
      case "user":
        throw new UserError("no file: make it");
      case "log":
        logOf("fixture").info("written", { by: "the fixture" });
        return;
      case "hangup":
        await wait(hangup.signal);
        return await say("hangup").then(() => {});
    }
    await wait(signal);
    await say("down");
  },
);
