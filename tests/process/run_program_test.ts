import { assertEquals, assertMatch } from "@std/assert";

/** A program that says "up" and then behaves as its argument says. */
const FIXTURE = new URL("fixture_program.ts", import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  behaviour: string,
  { signal, logFile = "" }: { signal?: Deno.Signal; logFile?: string } = {},
): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-env=BEHAVIOUR,LOG_FILE",
      "--ignore-env",
      "--allow-write",
      FIXTURE,
    ],
    env: { BEHAVIOUR: behaviour, LOG_FILE: logFile, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let stdout = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    stdout += text;
    if (signal !== undefined && text.includes("up\n")) child.kill(signal);
  }
  return { code: (await child.status).code, stdout, stderr: await stderr };
}

Deno.test("A program ends with 0 on SIGTERM and on SIGINT", async () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const ended = await run("wait", { signal });
    assertEquals(ended, { code: 0, stdout: "up\ndown\n", stderr: "" });
  }
});

Deno.test("A program outlives SIGHUP", async () => {
  assertEquals(await run("hangup", { signal: "SIGHUP" }), {
    code: 0,
    stdout: "up\nhangup\n",
    stderr: "",
  });
});

Deno.test("A program ends with 1 and a log line with the stack, whoever loses an error", async () => {
  for (const behaviour of ["throw", "reject", "timer"]) {
    const { code, stderr } = await run(behaviour);
    assertEquals(code, 1, behaviour);
    assertMatch(stderr, /^\[.*Z\] fatal: .* error=lost stack="at .*fixture_program\.ts.*\n$/);
  }
});

Deno.test("A program ends with 1 and a stack for an error before its log is configured", async () => {
  const { code, stderr } = await run("early");
  assertEquals(code, 1);
  assertMatch(stderr, /^fixture: Error: lost before there is a log\n {4}at .*fixture_program\.ts/);
});

Deno.test("A program ends with 2 and one line for a fault of the user", async () => {
  assertEquals(await run("user"), {
    code: 2,
    stdout: "up\n",
    stderr: "fixture: no file: make it\n",
  });
});

Deno.test("A log file is appended to, and only its owner and group may read it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const logFile = `${folder}/fixture.log`;
    for (let i = 0; i < 2; i++) assertEquals((await run("log", { logFile })).code, 0);
    const lines = (await Deno.readTextFile(logFile)).split("\n");
    assertEquals(lines.length, 3);
    for (const line of lines.slice(0, 2)) {
      assertMatch(line, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\] written {2}by="the fixture"$/);
    }
    assertEquals((await Deno.stat(logFile)).mode! & 0o027, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A program whose log file cannot be written goes on, and logs to standard error", async () => {
  const { code, stdout, stderr } = await run("log", { logFile: "/nonexistent/fixture.log" });
  assertEquals([code, stdout], [0, "up\n"]);
  assertMatch(stderr, /^\[.*Z\] written {2}by="the fixture"\n$/);
});
