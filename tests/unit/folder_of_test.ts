import { assertEquals } from "@std/assert";
import { folderOf } from "../../lib/folder_of.ts";

Deno.test("folderOf() is what comes before the last slash", () => {
  const cases = [
    ["/etc/wireguard/private.key", "/etc/wireguard"],
    ["/private.key", "/"],
    ["keys/private.key", "keys"],
    ["private.key", "."],
  ] as const;
  for (const [path, folder] of cases) assertEquals(folderOf(path), folder);
});
