import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { UserError } from "../../lib/user_error.ts";
import { loadIdentity, readKeyFile, riskOf } from "../../lib/wireguard/identity.ts";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";

/** Runs a test in a folder of its own under umask 0, and takes both back. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const umask = Deno.umask(0);
  try {
    await test(folder);
  } finally {
    Deno.umask(umask);
    await Deno.remove(folder, { recursive: true });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  return names;
}

Deno.test("a new key is written to the missing file, readable by its owner alone", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/etc/private.key`;
    const { privateKey, origin } = await loadIdentity(file, undefined);
    assertEquals(origin, "new");
    assertEquals(await Deno.readTextFile(file), printPrivateKey(privateKey));
    assertEquals((await Deno.stat(file)).mode! & 0o7777, 0o600);
    assertEquals(await filesIn(`${folder}/etc`), ["private.key"]);
    const again = await loadIdentity(file, await generatePrivateKey());
    assertEquals(again.origin, "file");
    assertEquals(again.privateKey.bytes(), privateKey.bytes());
  });
});

Deno.test("the interface's key is written to the missing file", async () => {
  await inFolder(async (folder) => {
    const key = await generatePrivateKey();
    const identity = await loadIdentity(`${folder}/key`, key);
    assertEquals(identity, { privateKey: key, origin: "interface" });
    assertEquals((await readKeyFile(`${folder}/key`))?.bytes(), key.bytes());
  });
});

Deno.test("without a file, the key is the interface's, else a new one each time", async () => {
  const key = await generatePrivateKey();
  assertEquals(await loadIdentity(undefined, key), { privateKey: key, origin: "interface" });
  const [one, two] = [
    await loadIdentity(undefined, undefined),
    await loadIdentity(undefined, undefined),
  ];
  assertEquals([one.origin, two.origin], ["new", "new"]);
  assert(one.privateKey.publicKey !== two.privateKey.publicKey);
});

Deno.test("a malformed key file is named, not shown and not overwritten", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/key`;
    const secret = printPrivateKey(await generatePrivateKey()).trim();
    const contents = [
      "",
      "\n",
      secret.slice(0, 43),
      `PrivateKey = ${secret}`,
      `${secret}${secret}`,
    ];
    for (const content of contents) {
      await Deno.writeTextFile(file, content);
      for (const read of [() => readKeyFile(file), () => loadIdentity(file, undefined)]) {
        const error = await assertRejects(read, UserError, file) as UserError;
        const shown = Deno.inspect(error, { depth: 9 });
        assertEquals(shown.includes(secret.slice(0, 20)), false);
      }
      assertEquals(await Deno.readTextFile(file), content);
    }
    assertEquals(await filesIn(folder), ["key"]);
  });
});

Deno.test("a key file that cannot be read or written is the user's to mend", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/folder`);
    await assertRejects(
      () => loadIdentity(`${folder}/folder`, undefined),
      UserError,
      "cannot read",
    );
    await Deno.writeTextFile(`${folder}/file`, "");
    const below = `${folder}/file/key`;
    await assertRejects(() => loadIdentity(below, undefined), UserError, below);
    const link = `${folder}/link`;
    await Deno.symlink(`${folder}/nowhere`, link);
    await assertRejects(() => loadIdentity(link, undefined), UserError, link);
    await assertRejects(() => Deno.stat(`${folder}/nowhere`), Deno.errors.NotFound);
  });
});

Deno.test("a missing key file is no key", async () => {
  await inFolder(async (folder) => {
    assertEquals(await readKeyFile(`${folder}/none`), undefined);
    assertEquals(await readKeyFile(`${folder}/none/below`), undefined);
  });
});

Deno.test("all that make one key file at the same time end with one key", async () => {
  await inFolder(async (folder) => {
    const file = `${folder}/key`;
    const identities = await Promise.all(
      Array.from({ length: 10 }, () => loadIdentity(file, undefined)),
    );
    const written = await readKeyFile(file);
    for (const { privateKey } of identities) assertEquals(privateKey.bytes(), written?.bytes());
    assertEquals(identities.filter(({ origin }) => origin === "new").length, 1);
    assertEquals(await filesIn(folder), ["key"]);
  });
});

Deno.test("a new key that no file keeps is told, with the remedy, and no other", async () => {
  const { privateKey } = await loadIdentity(undefined, undefined);
  assertMatch(riskOf({ privateKey, origin: "new" }, undefined) ?? "", /--private-key-file/);
  assertEquals(riskOf({ privateKey, origin: "new" }, "/a/key"), undefined);
  assertEquals(riskOf({ privateKey, origin: "interface" }, undefined), undefined);
  assertEquals(riskOf({ privateKey, origin: "file" }, "/a/key"), undefined);
});
