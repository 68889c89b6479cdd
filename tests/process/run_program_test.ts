import { assertEquals, assertMatch } from "@std/assert";

/** A program that says "up" and then behaves as its argument says. */
const FIXTURE = new URL("fixture_program.ts", import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(behaviour: string, signal?: Deno.Signal): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-env=BEHAVIOUR", "--ignore-env", FIXTURE],
    env: { BEHAVIOUR: behaviour, NO_COLOR: "1" },
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
    const ended = await run("wait", signal);
    assertEquals(ended, { code: 0, stdout: "up\ndown\n", stderr: "" });
  }
});

Deno.test("A program outlives SIGHUP", async () => {
  assertEquals(await run("hangup", "SIGHUP"), { code: 0, stdout: "up\nhangup\n", stderr: "" });
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
