import { assertEquals, assertRejects } from "@std/assert";
import { writeWholeFile } from "../../lib/write_whole_file.ts";

/** Runs a test in a folder of its own, with the given umask, and takes both back. */
async function inFolder(test: (folder: string) => Promise<void>, umask = 0o022): Promise<void> {
  const folder = await Deno.makeTempDir();
  const before = Deno.umask(umask);
  try {
    await test(folder);
  } finally {
    Deno.umask(before);
    await Deno.remove(folder, { recursive: true });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  return names.sort();
}

const modeOf = async (path: string) => ((await Deno.lstat(path)).mode ?? 0) & 0o7777;

Deno.test("writeWholeFile() writes the text with the mode, whatever the umask lets through", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/secret`;
    await writeWholeFile(path, "text äöü\n", { mode: 0o600 });
    assertEquals(await Deno.readTextFile(path), "text äöü\n");
    assertEquals(await modeOf(path), 0o600);
    assertEquals(await filesIn(folder), ["secret"]);
  }, 0);
});

Deno.test("writeWholeFile() makes missing folders", async () => {
  await inFolder(async (folder) => {
    await writeWholeFile(`${folder}/a/b/file`, "x", { mode: 0o644, createNew: true });
    assertEquals(await Deno.readTextFile(`${folder}/a/b/file`), "x");
    assertEquals(await modeOf(`${folder}/a`), 0o755);
  });
});

Deno.test("writeWholeFile() replaces a file as a whole, its mode too", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "a longer text than the new one", { mode: 0o644 });
    using reader = await Deno.open(path);
    await writeWholeFile(path, "new", { mode: 0o600 });
    assertEquals(await Deno.readTextFile(path), "new");
    assertEquals(await modeOf(path), 0o600);
    // Who had the old file open still reads the old text: it was not written over in place.
    const old = new Uint8Array(99);
    assertEquals(await reader.read(old), 30);
    assertEquals(await filesIn(folder), ["file"]);
  });
});

Deno.test("writeWholeFile() with createNew leaves a file that is there alone", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.writeTextFile(path, "old");
    const write = () => writeWholeFile(path, "new", { mode: 0o600, createNew: true });
    await assertRejects(write, Deno.errors.AlreadyExists);
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(await filesIn(folder), ["file"]);
  });
});

Deno.test("writeWholeFile() with createNew takes a dangling link for a file that is there", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.symlink(`${folder}/elsewhere`, path);
    const write = () => writeWholeFile(path, "new", { mode: 0o600, createNew: true });
    await assertRejects(write, Deno.errors.AlreadyExists);
    assertEquals(await filesIn(folder), ["file"]);
  });
});

Deno.test("of many that create one file, one succeeds, and its text is whole", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/file`;
    const texts = Array.from({ length: 20 }, (_, i) => `${i}\n`.repeat(1000));
    const outcomes = await Promise.allSettled(
      texts.map((text) => writeWholeFile(path, text, { mode: 0o600, createNew: true })),
    );
    const winners = outcomes.flatMap(({ status }, i) => status === "fulfilled" ? [i] : []);
    assertEquals(winners.length, 1);
    assertEquals(await Deno.readTextFile(path), texts[winners[0]!]);
    assertEquals(await filesIn(folder), ["file"]);
  });
});

Deno.test("writeWholeFile() leaves no draft behind when it cannot take the name", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken/full`, { recursive: true });
    await assertRejects(() => writeWholeFile(`${folder}/taken`, "x", { mode: 0o600 }));
    assertEquals(await filesIn(folder), ["taken"]);
    await Deno.writeTextFile(`${folder}/file`, "");
    await assertRejects(() => writeWholeFile(`${folder}/file/below`, "x", { mode: 0o600 }));
  });
});
