import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { actionlint } from "../lab/actionlint.ts";

const WORKFLOWS = new URL("../../.github/workflows/", import.meta.url).pathname;

Deno.test("actionlint and shellcheck find no fault in the workflows, and would find one", async () => {
  const names = (await Array.fromAsync(Deno.readDir(WORKFLOWS), ({ name }) => name)).sort();
  assertEquals(names, ["release.yml", "test.yml"]);
  const files = names.map((name) => WORKFLOWS + name);
  assertEquals(await actionlint(files), { code: 0, stdout: "", stderr: "" });

  const folder = await Deno.makeTempDir();
  try {
    const text = await Deno.readTextFile(`${WORKFLOWS}release.yml`);
    const faults: readonly [string, string, string][] = [
      ["needs: [build, image]", "needs: [build, images]", 'needs job "images"'],
      ["steps.push.outputs", "steps.pushed.outputs", 'property "pushed" is not defined'],
      ['"$GITHUB_REF_NAME" = "v$version"', '$GITHUB_REF_NAME = "v$version"', "SC2086"],
    ];
    for (const [right, wrong, complaint] of faults) {
      assertStringIncludes(text, right);
      await Deno.writeTextFile(`${folder}/release.yml`, text.replace(right, wrong));
      const { code, stdout } = await actionlint([`${folder}/release.yml`]);
      assertNotEquals(code, 0);
      assertStringIncludes(stdout, complaint);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
