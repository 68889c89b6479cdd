import { logOf } from "./log.ts";
import { COMPLETION } from "./options/common_commands.ts";
import type { OptionTable, OptionValues, Program } from "./options/option.ts";
import { type Environment, parseOptions } from "./options/parse_options.ts";
import { printHelp, printVersion } from "./options/print_help.ts";
import { takeCommand } from "./options/take_command.ts";
import { messageOf, UserError } from "./user_error.ts";

/** What the main function of a program is given. */
export interface Run<Table extends OptionTable, Names extends string = string> {
  /** The command that was given; undefined if none was. */
  readonly command: Names | undefined;
  readonly options: OptionValues<Table>;
  /** Aborted by SIGTERM or SIGINT: the program should come to its end. Its reason is a {@linkcode StopRequest}. */
  readonly signal: AbortSignal;
  /** Sets what SIGHUP does. Until then, and without it, SIGHUP does nothing. */
  onHangup(callback: () => void): void;
}

/** Why the signal of a {@linkcode Run} was aborted. */
export class StopRequest extends Error {
  override name = "StopRequest";
}

/** A program has come to its end without what it was to reach, as it may happen: status 1, one line. */
export class Unfinished extends Error {
  override name = "Unfinished";
}

/** The process, as far as running a program goes. */
export interface Host {
  readonly args: readonly string[];
  readonly env: Environment;
  onSignal(signal: Deno.Signal, listener: () => void): void;
  /** Errors that nobody handles: of promises, timers, event listeners. */
  onUnhandled(listener: (error: unknown) => void): void;
  /** Writes to standard output or standard error. */
  write(stream: "stdout" | "stderr", text: string): void;
  exit(code: number): void;
}

/**
 * Runs a program from its arguments to its exit status, and ends the process:
 * what `main` returns, or 0 when it returns nothing, for `--help`, `--version` and `completion`; 2 for
 * a fault of the user (one line on standard error); 1 for {@linkcode Unfinished}, in one line, and for any
 * other error, which is logged with its stack.
 *
 * SIGTERM and SIGINT abort the signal that `main` is given; the second of them ends the process at
 * once. The listeners are the first thing that is done: as process 1 of a container, Deno
 * dies of SIGSEGV on a signal that nobody listens to.
 */
export async function runProgram<
  const Table extends OptionTable,
  Names extends string = never,
>(
  program: Program<Table, Names>,
  main: (run: Run<Table, Names>) => Promise<number | void>,
  host: Host = DENO_HOST,
): Promise<void> {
  const stop = new AbortController();
  let hangup = () => {};
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    host.onSignal(signal, () => {
      if (stop.signal.aborted) host.exit(signal === "SIGTERM" ? 143 : 130);
      else stop.abort(new StopRequest(`stopped by ${signal}`));
    });
  }
  host.onSignal("SIGHUP", () => hangup());
  host.onUnhandled((error) => host.exit(report(program.name, error, host)));

  let status: number | void = 0;
  try {
    if (host.args.some((arg) => arg === "--help" || arg === "-h")) {
      host.write("stdout", printHelp(program));
    } else if (host.args.includes("--version")) {
      host.write("stdout", printVersion(program));
    } else if (host.args[0] === COMPLETION) {
      const { printCompletion } = await import("./options/completion/print_completion.ts");
      host.write("stdout", printCompletion(program, host.args.slice(1)));
    } else {
      const { command, args } = takeCommand(program.commands, host.args);
      status = await main({
        command,
        options: parseOptions(program.options, args, host.env, command),
        signal: stop.signal,
        onHangup: (callback) => hangup = callback,
      });
    }
  } catch (error) {
    host.exit(error instanceof StopRequest ? 0 : report(program.name, error, host));
    return;
  }
  host.exit(status ?? 0);
}

/** Tells of the error that ends the program, and returns the exit status. */
function report(name: string, error: unknown, host: Host): number {
  if (error instanceof UserError) {
    host.write("stderr", `${name}: ${messageOf(error)}\n`);
    return 2;
  }
  if (error instanceof Unfinished) {
    host.write("stderr", `${name}: ${error.message}\n`);
    return 1;
  }
  const log = logOf(name);
  // Before the log is configured, nobody would hear of it.
  if (log.isEnabledFor("fatal")) log.fatal("ends by an unexpected error", { error });
  else host.write("stderr", `${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

const DENO_HOST: Host = {
  args: Deno.args,
  env: Deno.env,
  onSignal: Deno.addSignalListener,
  onUnhandled: (listener) => {
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      listener(event.reason);
    });
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      listener(event.error);
    });
  },
  write: (stream, text) => {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(Deno[stream].writeSync(rest));
  },
  exit: Deno.exit,
};
