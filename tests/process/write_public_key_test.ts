import { assertEquals, assertStringIncludes } from "@std/assert";
import { writePublicKey } from "../../lib/spoke/write_public_key.ts";
import { keyOf } from "../unit/arbitraries.ts";

Deno.test("the public key lies beside the private one, readable by all, and follows it", async () => {
  const folder = await Deno.makeTempDir();
  const umask = Deno.umask(0);
  try {
    const file = `${folder}/wireguard/public.key`;
    for (const key of [keyOf(1), keyOf(2), keyOf(2)]) {
      assertEquals(await writePublicKey(`${folder}/wireguard/private.key`, key), undefined);
      assertEquals(await Deno.readTextFile(file), `${key}\n`);
      assertEquals((await Deno.stat(file)).mode! & 0o7777, 0o644);
    }
  } finally {
    Deno.umask(umask);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a public key that cannot be written is told in the same words each time", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/public.key`);
    const tell = () => writePublicKey(`${folder}/private.key`, keyOf(1));
    const told = await tell();
    assertStringIncludes(told!, `${folder}/public.key cannot be written`);
    assertEquals(await tell(), told);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
