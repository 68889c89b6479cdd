import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** The text of all tests. */
async function testSources(): Promise<string> {
  const texts: string[] = [];
  for (const tier of ["api", "process", "tunnel", "unit"]) {
    const folder = new URL(`tests/${tier}/`, ROOT);
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".ts")) texts.push(await Deno.readTextFile(new URL(name, folder)));
    }
  }
  return texts.join("\n");
}

for (const [doc, atLeast] of [["docs/security.md", 30], ["docs/faults.md", 50]] as const) {
  Deno.test(`${doc} rests on tests that exist`, async () => {
    const text = (await Deno.readTextFile(new URL(doc, ROOT))).replaceAll("\n", " ");
    const quoted = [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!.replaceAll(/ +/g, " "));
    // Sentences are names of tests; the rest names files, keys and commands.
    const names = quoted.filter((name) =>
      name.split(" ").length > 2 && !/^(kubectl|P |\{)/.test(name)
    );
    assert(names.length > atLeast, `${names.length} names`);
    const sources = await testSources();
    const missing = names.filter((name) => {
      const [who, ...what] = name.split(" ");
      const ofTable = sources.includes(`"${what.join(" ")}"`) && sources.includes(`"${who}"`);
      return !ofTable && !sources.includes(`"${name}"`);
    });
    assertEquals(missing, []);
  });
}
