import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configureLog } from "../../lib/log.ts";
import type { OptionTable } from "../../lib/options/option.ts";
import { printHelp } from "../../lib/options/print_help.ts";
import { PORT } from "../../lib/options/value_types.ts";
import { type Host, type Run, runProgram, StopRequest } from "../../lib/run_program.ts";
import { UserError } from "../../lib/user_error.ts";
import { VERSION } from "../../lib/version.ts";

const OPTIONS = {
  port: { flag: "port", variable: "PORT", type: PORT, default: "80", help: "Where it listens" },
} as const satisfies OptionTable;
const PROGRAM = { name: "small", summary: "Does little.", options: OPTIONS };

/** A process that remembers what was asked of it, and ends only in the books. */
class RecordedHost implements Host {
  readonly env = new Map<string, string>();
  readonly listeners = new Map<Deno.Signal, () => void>();
  readonly exits: number[] = [];
  stdout = "";
  stderr = "";
  unhandled: (error: unknown) => void = () => {};

  constructor(readonly args: readonly string[] = []) {}
  onSignal(signal: Deno.Signal, listener: () => void) {
    this.listeners.set(signal, listener);
  }
  onUnhandled(listener: (error: unknown) => void) {
    this.unhandled = listener;
  }
  write(stream: "stdout" | "stderr", text: string) {
    this[stream] += text;
  }
  exit(code: number) {
    this.exits.push(code);
  }
}

async function run(
  args: string[],
  main: (run: Run<typeof OPTIONS>, host: RecordedHost) => Promise<void> | void,
): Promise<RecordedHost> {
  const host = new RecordedHost(args);
  await runProgram(PROGRAM, async (run) => await main(run, host), host);
  return host;
}

const never = () => {
  throw new Error("main was called");
};

Deno.test("runProgram() hands the options to main and ends with 0", async () => {
  let port = 0;
  const host = await run(["--port=8080"], ({ options }) => void (port = options.port));
  assertEquals([port, host.exits, host.stdout, host.stderr], [8080, [0], "", ""]);
});

Deno.test("runProgram() ends with the status that main returns", async () => {
  const host = new RecordedHost();
  await runProgram(PROGRAM, () => Promise.resolve(1), host);
  assertEquals([host.exits, host.stderr], [[1], ""]);
});

Deno.test("runProgram() hands main the command that comes first, and refuses other words", async () => {
  const program = { ...PROGRAM, commands: { down: "Take it away" } };
  const seen: unknown[] = [];
  const hosts = [["down", "--port=1"], ["--port=1"], ["--port=1", "down"], ["up"]]
    .map((args) => new RecordedHost(args));
  for (const host of hosts) {
    const main = ({ command }: Run<typeof OPTIONS, "down">) =>
      Promise.resolve(void seen.push(command));
    await runProgram(program, main, host);
  }
  assertEquals(seen, ["down", undefined]);
  assertEquals(hosts.map(({ exits }) => exits[0]), [0, 0, 2, 2]);
  assertStringIncludes(hosts[3]!.stderr, 'small: unknown command "up"');
});

Deno.test("runProgram() prints help and version without calling main", async () => {
  for (const args of [["--help"], ["-h"], ["--port=nonsense", "--help"]]) {
    const host = await run(args, never);
    assertEquals([host.exits, host.stdout, host.stderr], [[0], printHelp(PROGRAM), ""]);
  }
  const host = await run(["--version"], never);
  assertEquals([host.exits, host.stdout, host.stderr], [[0], `small ${VERSION}\n`, ""]);
});

Deno.test("runProgram() prints a shell's completion without reading an option, and asks which", async () => {
  const must = { flag: "must", variable: "MUST", type: PORT, required: "set it", help: "A port" };
  for (
    const [args, exit, stdout, stderr] of [
      [["completion", "fish"], 0, "complete -c small ", ""],
      [["completion"], 2, "", "small: which shell? Give bash, zsh or fish"],
      [["completion", "tcsh"], 2, "", "small: which shell? Give bash, zsh or fish"],
      [["completion", "bash", "--must=1"], 2, "", "small: which shell? Give bash, zsh or fish"],
    ] as const
  ) {
    const host = new RecordedHost(args);
    await runProgram({ ...PROGRAM, options: { must } }, never, host);
    assertEquals(host.exits, [exit]);
    assertStringIncludes(host.stdout, stdout);
    assertStringIncludes(host.stderr, stderr);
  }
});

Deno.test("runProgram() prints a user's fault as one line and ends with 2", async () => {
  const bad = await run(["--port=0"], never);
  assertEquals(bad.exits, [2]);
  assertEquals(
    bad.stderr,
    'small: --port: "0" is not a port: give a whole number from 1 to 65535\n',
  );
  const thrown = await run([], () => {
    throw new UserError("the file a\nb is missing: make it");
  });
  assertEquals([thrown.exits, thrown.stderr], [[2], "small: the file a b is missing: make it\n"]);
});

Deno.test("runProgram() shows any other error with its stack and ends with 1", async () => {
  const lines: string[] = [];
  configureLog({ format: "text", level: "error" }, (line) => lines.push(line));
  const host = await run([], () => {
    throw new TypeError("a bug");
  });
  assertEquals(host.exits, [1]);
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, 'fatal: ends by an unexpected error  error="a bug" stack="at ');
});

Deno.test("runProgram() ends with 1 for an error that nobody handles", async () => {
  const lines: string[] = [];
  configureLog({ format: "text", level: "error" }, (line) => lines.push(line));
  const host = await run([], (_, host) => host.unhandled(new Error("lost")));
  assertEquals(host.exits[0], 1);
  assertStringIncludes(lines[0]!, "error=lost");
});

for (const [signal, status] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`runProgram() asks main to end on ${signal}, and ends at once on the second`, async () => {
    const host = await run([], ({ signal: stop }, host) => {
      assert(!stop.aborted);
      host.listeners.get(signal)!();
      assert(stop.aborted);
      assert(stop.reason instanceof StopRequest);
      assertEquals(host.exits, []);
      host.listeners.get(signal)!();
      assertEquals(host.exits, [status]);
    });
    assertEquals(host.exits, [status, 0]);
  });
}

Deno.test("runProgram() takes an end by its own signal as an end in order", async () => {
  const host = await run([], ({ signal }, host) => {
    host.listeners.get("SIGTERM")!();
    signal.throwIfAborted();
  });
  assertEquals([host.exits, host.stderr], [[0], ""]);
});

Deno.test("runProgram() calls back on SIGHUP and goes on", async () => {
  let hangups = 0;
  const host = await run([], ({ signal, onHangup }, host) => {
    host.listeners.get("SIGHUP")!();
    onHangup(() => hangups++);
    host.listeners.get("SIGHUP")!();
    assert(!signal.aborted);
  });
  assertEquals([hangups, host.exits], [1, [0]]);
});
