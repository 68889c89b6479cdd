import { assert, assertEquals, assertRejects } from "@std/assert";
import { awaitCredentials } from "../../lib/kubernetes/await_credentials.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { ExecPlugin } from "../../lib/kubernetes/exec_plugin.ts";
import { readExecSpec } from "../../lib/kubernetes/exec_credential.ts";
import { messageOf, UserError } from "../../lib/user_error.ts";
import { type TemporaryKubeconfig, temporaryKubeconfig } from "../api/temporary_kubeconfig.ts";

const V1 = "client.authentication.k8s.io/v1";
const TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

/** A shell script that answers with what the shell makes of that status. */
function answering(status: string): string {
  return `printf '{"kind":"ExecCredential","apiVersion":"${V1}","status":%s}' "${status}"`;
}

/** A kubeconfig in a folder of its own, with the plugin `plugin` beside it. */
async function withPlugin(
  script: string,
  exec: Record<string, unknown> = {},
): Promise<TemporaryKubeconfig> {
  const made = await temporaryKubeconfig({
    cluster: { server: "http://127.0.0.1:6443" },
    user: { exec: { apiVersion: V1, command: "./plugin", ...exec } },
  });
  await made.write("plugin", `#!/bin/sh\ncd "$(dirname "$0")"\n${script}\n`);
  await Deno.chmod(`${made.folder}/plugin`, 0o755);
  return made;
}

/** The plugin alone, at a time that the test sets. */
function pluginAt({ folder, path }: TemporaryKubeconfig, now: () => number, limitMs = 10_000) {
  const exec = { apiVersion: V1, command: "./plugin" };
  const spec = readExecSpec(exec, {}, { file: path, folder: `${folder}/` });
  return new ExecPlugin(spec, { file: path, now, limitMs });
}

/** How often the plugin has run, by the lines that it appends to `runs`. */
async function runsOf({ folder }: TemporaryKubeconfig): Promise<number> {
  const text = await Deno.readTextFile(`${folder}/runs`).catch(() => "");
  return text.split("\n").length - 1;
}

/** Waits until it holds, 5 s at most. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it does not come to hold within 5 s");
}

/** Whether a process of that number lives, and is no zombie. */
async function lives(pid: string): Promise<boolean> {
  const { success, stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", pid],
    stdout: "piped",
  }).output();
  return success && !new TextDecoder().decode(stdout).startsWith("Z");
}

Deno.test("a plugin that lies beside the kubeconfig gives the token, and has what it needs", async () => {
  const script = `printf %s "$KUBERNETES_EXEC_INFO" > info; cat > stdin
    ${answering(`{\\"token\\":\\"$PREFIX-$1-\${PATH:+path}\\"}`)}`;
  await using made = await withPlugin(script, {
    args: ["first"],
    env: [{ name: "PREFIX", value: "p" }],
    provideClusterInfo: true,
  });
  using credentials = await openCredentials({ kubeconfig: made.path });
  using lease = await credentials.lease();
  assertEquals(lease.headers.authorization, "Bearer p-first-path");
  assertEquals(await Deno.readTextFile(`${made.folder}/stdin`), "");
  assertEquals(JSON.parse(await Deno.readTextFile(`${made.folder}/info`)), {
    kind: "ExecCredential",
    apiVersion: V1,
    spec: { cluster: { server: "http://127.0.0.1:6443" }, interactive: false },
  });
});

Deno.test("a plugin is asked again shortly before its credential expires, and none waits for it", async () => {
  let time = Date.UTC(2026, 10, 25);
  const script = `echo >> runs; n=$(wc -l < runs); [ $n -lt 2 ] || [ -e go ] || exit 1
    ${answering(`{\\"token\\":\\"t$n\\",\\"expirationTimestamp\\":\\"$(cat expiry)\\"}`)}`;
  await using made = await withPlugin(script);
  await made.write("expiry", new Date(time + 3_600_000).toISOString());
  using plugin = pluginAt(made, () => time);
  const token = async () => (await plugin.credential()).token;
  assertEquals([await token(), await token()], ["t1", "t1"]);
  time += 3_600_000 - 61_000;
  assertEquals([await token(), await runsOf(made)], ["t1", 1]);

  time += 2000; // the last minute begins, and the plugin fails
  assertEquals(await token(), "t1");
  await until(async () => await runsOf(made) === 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals([await token(), await runsOf(made)], ["t1", 2]); // it has its pause

  await made.write("go", "");
  await made.write("expiry", new Date(time + 7_200_000).toISOString());
  time += 11_000;
  await until(async () => await token() === "t3");
  assertEquals(await runsOf(made), 3);

  await Deno.remove(`${made.folder}/go`);
  time += 7_200_000; // it has expired
  await assertRejects(token, UserError, "ended with status 1");
});

Deno.test("a plugin whose credential has expired when it comes is not asked without a pause", async () => {
  let time = Date.UTC(2026, 10, 25);
  const status = `{\\"token\\":\\"t\\",\\"expirationTimestamp\\":\\"2001-01-01T00:00:00Z\\"}`;
  await using made = await withPlugin(`echo >> runs; ${answering(status)}`);
  using plugin = pluginAt(made, () => time);
  for (let i = 0; i < 3; i++) await plugin.credential();
  assertEquals(await runsOf(made), 1);
  time += 10_000;
  await plugin.credential();
  assertEquals(await runsOf(made), 2);
});

Deno.test("a plugin is asked again when the server refuses its credential, and not before", async () => {
  await using made = await withPlugin(
    `echo >> runs; ${answering(`{\\"token\\":\\"t$(wc -l < runs)\\"}`)}`,
  );
  using credentials = await openCredentials({ kubeconfig: made.path, rereadMs: 0 });
  const token = async () => {
    using lease = await credentials.lease();
    return lease.headers.authorization;
  };
  assertEquals([await token(), await token()], ["Bearer t1", "Bearer t1"]);
  credentials.expire();
  assertEquals(await token(), "Bearer t2");
});

Deno.test("a plugin that hangs is killed with all that it started, and that is said", async () => {
  await using made = await withPlugin("echo $$ >> pids; sleep 300 & echo $! >> pids; wait");
  using plugin = pluginAt(made, Date.now, 300);
  const error = await assertRejects(() => plugin.credential(), UserError);
  assertEquals(
    error.message,
    `the credential plugin ${made.folder}/./plugin of ${made.path} said nothing for 0.3 s; ` +
      "run it by hand to see why",
  );
  const pids = (await Deno.readTextFile(`${made.folder}/pids`)).trim().split("\n");
  assertEquals(pids.length, 2);
  for (const pid of pids) await until(async () => !await lives(pid));
});

Deno.test("a stop does not wait for a plugin that hangs, and leaves none behind", async () => {
  await using made = await withPlugin("echo $$ > pid; sleep 300; true");
  const stop = new AbortController();
  const waiting = awaitCredentials({ kubeconfig: made.path }, () => {}, stop.signal);
  let pid = "";
  await until(async () => {
    pid = (await Deno.readTextFile(`${made.folder}/pid`).catch(() => "")).trim();
    return pid !== "";
  });
  assert(await lives(pid));
  const begin = performance.now();
  stop.abort();
  assertEquals(await waiting, undefined);
  assert(performance.now() - begin < 1000);
  await until(async () => !await lives(pid));
});

Deno.test("nothing that a plugin prints is in an error, but a line of complaint without secrets", async () => {
  const cases: [string, string][] = [
    [`echo ${TOKEN}`, "what it printed is no JSON"],
    [`echo '{"token":"${TOKEN}"}'`, "no ExecCredential"],
    [answering(`{\\"token\\":[\\"${TOKEN}\\"]}`), "is no text"],
    ["true", "it printed nothing"],
    [`echo ${TOKEN}; echo "token ${TOKEN} is old" >&2; exit 3`, "status 3 (token … is old);"],
    [`echo ${TOKEN}; echo; exit 4`, "ended with status 4;"],
    [`echo "$SECRET is refused" >&2; kill -9 $$`, "ended with status 137 (… is refused);"],
  ];
  for (const [script, message] of cases) {
    await using made = await withPlugin(script, { env: [{ name: "SECRET", value: "hush" }] });
    const error = await assertRejects(() => openCredentials({ kubeconfig: made.path }), UserError);
    const all = [error.message, error.stack, messageOf(error.cause)].join();
    assert(error.message.includes(message), error.message);
    assert(error.message.includes(`plugin ${made.folder}/./plugin of ${made.path}`), error.message);
    assert(!all.includes(TOKEN.slice(0, 8)) && !all.includes("hush"), all);
  }
});

Deno.test("a plugin that is not installed is named with its author's hint", async () => {
  await using made = await withPlugin("true", {
    command: "./absent",
    installHint: "get it from us\nand more",
  });
  const error = await assertRejects(() => openCredentials({ kubeconfig: made.path }), UserError);
  assertEquals(
    error.message,
    `the credential plugin ${made.folder}/./absent of ${made.path} is not installed; ` +
      "install it (get it from us)",
  );
  await Deno.chmod(`${made.folder}/plugin`, 0o644);
  await made.write("kubeconfig", (await Deno.readTextFile(made.path)).replace("absent", "plugin"));
  await assertRejects(() => openCredentials({ kubeconfig: made.path }), UserError, "cannot be run");
});
