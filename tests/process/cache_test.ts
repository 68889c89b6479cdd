import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { cached } from "../lab/cache.ts";

/** Runs with a cache folder of its own. */
async function withCache(work: (cache: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("cached builds an entry once, also for two who want it at once", async () => {
  await withCache(async (cache) => {
    let builds = 0;
    const build = async (folder: string) => {
      builds++;
      await Deno.writeTextFile(`${folder}/file`, "text");
    };
    const [first, second] = await Promise.all([
      cached("thing", ["a"], build, cache),
      cached("thing", ["a"], build, cache),
    ]);
    assertEquals(first, second);
    assertEquals(builds, 1);
    assertEquals(await Deno.readTextFile(`${first}/file`), "text");
  });
});

Deno.test("cached builds again for other ingredients, and after a build that failed", async () => {
  await withCache(async (cache) => {
    const nothing = () => Promise.resolve();
    assertNotEquals(
      await cached("thing", ["a"], nothing, cache),
      await cached("thing", ["b"], nothing, cache),
    );
    const broken = async (folder: string) => {
      await Deno.writeTextFile(`${folder}/half`, "");
      throw new Error("no space");
    };
    await assertRejects(() => cached("thing", ["c"], broken, cache), Error, "no space");
    const entry = await cached("thing", ["c"], nothing, cache);
    assertEquals(await Array.fromAsync(Deno.readDir(entry)), []);
  });
});
