import { assert, assertEquals } from "@std/assert";
import { LockFile } from "../../lib/lock_file.ts";

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/lock`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a file says who holds it while it is held, and nothing of who held it", () =>
  withFile(async (path) => {
    assertEquals(await LockFile.holder(path), undefined);
    {
      using lock = await LockFile.take(path, "17\n");
      assert(lock);
      assertEquals(await LockFile.holder(path), "17\n");
      assertEquals(await LockFile.take(path, "18\n"), undefined);
      assertEquals(await LockFile.holder(path), "17\n", "who comes too late writes nothing");
    }
    await Deno.writeTextFile(path, "17\n"); // as a crash leaves it
    assertEquals(await LockFile.holder(path), undefined);
  }));

Deno.test("who looks keeps nobody from taking the file, nor is taken for its holder", () =>
  withFile(async (path) => {
    using looks = await Deno.open(path, { create: true, write: true });
    assert(await looks.tryLock(false));
    assertEquals(await LockFile.holder(path), undefined);
    const taking = LockFile.take(path, "17\n");
    await new Promise((resolve) => setTimeout(resolve, 75)); // so the first try is in vain
    await looks.unlock();
    using lock = await taking;
    assert(lock);
  }));
