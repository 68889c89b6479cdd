import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { VERSION } from "../../lib/version.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

interface Job {
  readonly permissions: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly uses?: string;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** What a job of each workflow may do, and no more. */
const RIGHTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "test.yml": { test: ["contents: read"] },
  "release.yml": {
    test: ["contents: read"],
    build: ["attestations: write", "contents: read", "id-token: write"],
    image: ["attestations: write", "contents: read", "id-token: write", "packages: write"],
    publish: ["contents: write"],
  },
};

for (const [name, rights] of Object.entries(RIGHTS)) {
  Deno.test(`${name} pins what it uses by commit, and each job has the least rights and a limit`, async () => {
    const text = await read(`.github/workflows/${name}`);
    const { permissions, jobs }: Workflow = parse(text);
    assertEquals(permissions, {});
    const given = Object.entries(jobs).map(([job, { permissions }]) => [
      job,
      Object.entries(permissions).map(([right, level]) => `${right}: ${level}`).sort(),
    ]);
    assertEquals(Object.fromEntries(given), rights as Record<string, unknown>);
    for (const [job, { uses, steps = [], "timeout-minutes": limit }] of Object.entries(jobs)) {
      if (uses === undefined) assert(limit !== undefined && limit <= 90, job);
      else assertMatch(uses, /^\.\/\.github\/workflows\/test\.yml$/);
      for (const { uses } of steps.filter(({ uses }) => uses)) {
        assertMatch(uses!, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      }
      // What a stranger names (a branch, a title) is read from the environment, never put into a script.
      for (const { run = "" } of steps) assert(!run.includes("${{"), run);
    }
    for (const line of text.split("\n").filter((line) => /uses: [^.]/.test(line))) {
      assertMatch(line, / # v\d+\.\d+\.\d+$/);
    }
    const deno = new Set([...text.matchAll(/deno@([\d.]+)/g)].map(([, version]) => version));
    const [, ours] = /deno@([\d.]+)/.exec(await read(".ci/run"))!;
    assertEquals([...deno].filter((version) => version !== ours), []);
  });
}

Deno.test("the release workflow finds the version where it looks for it", async () => {
  // sed -n 's/^version=//p' install.sh
  const found = [...(await read("install.sh")).matchAll(/^version=(.*)$/gm)].map(([, text]) =>
    text
  );
  assertEquals(found, [VERSION]);
});
