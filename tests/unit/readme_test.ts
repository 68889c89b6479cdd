import { assertEquals, assertThrows } from "@std/assert";
import { HUB } from "../../lib/options/hub_options.ts";
import { replaceOptionTable } from "../../lib/options/print_option_table.ts";
import { SPOKE } from "../../lib/options/spoke_options.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

for (const program of [HUB, SPOKE]) {
  Deno.test(`README.md shows the ${program.name}'s options as they are (else: deno task docs)`, () => {
    assertEquals(README, replaceOptionTable(README, program));
  });
}

Deno.test("replaceOptionTable() changes what is between the markers and nothing else", () => {
  const text = "a\n<!-- options of hub -->\nSTALE\n<!-- end of options of hub -->\nz\n";
  const [before, after] = replaceOptionTable(text, HUB).split("| Flag ");
  assertEquals(
    before,
    "a\n<!-- options of hub -->\n\n- `hub status`: show the interface, its peers and what is refused; " +
      "the hub need not run.\n- `hub doctor`: look at all that a hub needs, and say what is wrong and " +
      "what to type.\n- `hub down`: take away the interface and what the Node says of " +
      "this hub; the key file stays.\n- `hub completion`: print what makes a shell complete these words; " +
      "bash, zsh or fish follows.\n\n",
  );
  assertEquals(after!.includes("STALE"), false);
  assertEquals(after!.endsWith("|\n\n<!-- end of options of hub -->\nz\n"), true);
  assertThrows(() => replaceOptionTable("no markers", HUB), Error, "<!-- options of hub -->");
});
