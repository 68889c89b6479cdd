import { assert, assertEquals, assertMatch } from "@std/assert";
import { HubLock } from "../../lib/hub/hub_lock.ts";

const ignore = () => {};

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Another process that holds the lock until it is killed. */
async function holder(folder: string): Promise<Deno.ChildProcess> {
  const code = `
    const file = await Deno.open(Deno.args[0], { create: true, write: true });
    await Deno.stdout.write(new TextEncoder().encode(String(await file.tryLock(true))));
    setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", code, `${folder}/hub.lock`],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  assertEquals(new TextDecoder().decode(value), "true");
  return child;
}

async function kill(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.stdout.cancel();
  await child.status;
}

Deno.test("one hub has the lock; the next one waits, says so, and has it when the first is killed", () =>
  withFolder(async (folder) => {
    const first = await holder(folder);
    const said: (string | undefined)[] = [];
    const second = HubLock.wait(folder, (text) => said.push(text), new AbortController().signal);
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(said[0], "another hub runs on this node: waiting until it has ended");
    assertEquals(await HubLock.try(folder, ignore), undefined);
    await kill(first);
    using lock = await second;
    assert(lock);
    assertEquals(said.at(-1), undefined);
  }));

Deno.test("a hub that waits for the lock ends at once when it is told to", () =>
  withFolder(async (folder) => {
    const first = await holder(folder);
    try {
      const stop = new AbortController();
      const begin = performance.now();
      const waiting = HubLock.wait(folder, () => setTimeout(() => stop.abort()), stop.signal);
      assertEquals(await waiting, undefined);
      assert(performance.now() - begin < 900);
    } finally {
      await kill(first);
    }
  }));

Deno.test("a lock that is let go is free", () =>
  withFolder(async (folder) => {
    (await HubLock.try(`${folder}/new`, ignore))![Symbol.dispose]();
    using lock = await HubLock.try(`${folder}/new`, ignore);
    assert(lock);
  }));

Deno.test("where there can be no lock file the hub runs, and says so", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/state`, "a file");
    const said: (string | undefined)[] = [];
    const { signal } = new AbortController();
    using lock = await HubLock.wait(`${folder}/state`, (text) => said.push(text), signal);
    assert(lock);
    assertEquals(said.length, 1);
    assertMatch(said[0]!, /cannot lock/);
  }));
