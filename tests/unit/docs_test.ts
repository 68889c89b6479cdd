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

Deno.test("docs/troubleshooting.md names every check of the doctor, and none that is not there", async () => {
  const sources = ["machine_checks", "cluster_checks", "hub_doctor", "spoke_doctor"];
  const texts = await Promise.all(
    sources.map((name) => Deno.readTextFile(new URL(`lib/doctor/${name}.ts`, ROOT))),
  );
  const checks = texts.flatMap((text) =>
    [...text.matchAll(/^ +"?([\w -]+)"?: check\w+\(/gm)].map(([, name]) => name!)
  );
  const rows = (await Deno.readTextFile(new URL("docs/troubleshooting.md", ROOT))).split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| Symptom"));
  const named = rows.map((row) => {
    const names = [...row.split("|")[3]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    assert(names.length > 0 || row.startsWith("| -"), row);
    return names;
  });
  assertEquals([...new Set(named.flat())].sort(), [...new Set(checks)].sort());
});

Deno.test("docs/troubleshooting.md quotes what our programs say", async () => {
  const page = await Deno.readTextFile(new URL("docs/troubleshooting.md", ROOT));
  const quoted = [...page.matchAll(/^\| `([^`]+)` /gm)].map(([, text]) => text!);
  assert(quoted.length > 15, `${quoted.length} quotations`);
  const said = (await sourcesIn("lib/")).replaceAll(/[`"] \+\s+[`"]/g, ""); // texts over several lines
  assertEquals(quoted.filter((text) => !said.includes(text)), []);
});

/** The text of all programs in a folder and those below it. */
async function sourcesIn(folder: string): Promise<string> {
  const texts: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) texts.push(await sourcesIn(`${folder}${name}/`));
    else if (name.endsWith(".ts")) {
      texts.push(await Deno.readTextFile(new URL(folder + name, ROOT)));
    }
  }
  return texts.join("\n");
}
