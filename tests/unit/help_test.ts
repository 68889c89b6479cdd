import { assert, assertEquals } from "@std/assert";
import { HUB } from "../../lib/options/hub_options.ts";
import type { OptionTable, Program } from "../../lib/options/option.ts";
import { printHelp, printVersion } from "../../lib/options/print_help.ts";
import { SPOKE } from "../../lib/options/spoke_options.ts";
import { BOOLEAN, PORT } from "../../lib/options/value_types.ts";
import { VERSION } from "../../lib/version.ts";

const SMALL: Program<OptionTable> = {
  name: "small",
  summary:
    "Does little, and does it in one sentence that is longer than a line of help may be long.",
  options: {
    port: { flag: "port", variable: "PORT", type: PORT, default: "80", help: "Where it listens" },
    quiet: {
      flag: "quiet",
      variable: "QUIET",
      type: BOOLEAN,
      default: "false",
      help: "Say nothing at all, not even when there would be something to be said about it",
    },
    longer: {
      flag: "a-flag-with-a-very-long-name",
      variable: "LONGER",
      type: PORT,
      otherwise: "any free one",
      help: "Another port",
    },
    must: { flag: "must", variable: "MUST", type: PORT, required: "set it", help: "A third port" },
  },
};

const SMALL_HELP = `small ${VERSION}
Does little, and does it in one sentence that is longer than a line of help may be long.

Usage: small [command] [options]

  completion                      Print what makes a shell complete these words; bash,
                                  zsh or fish follows

  --port=PORT                     Where it listens (default: 80) [PORT]
  --[no-]quiet                    Say nothing at all, not even when there would be
                                  something to be said about it (default: false) [QUIET]
  --a-flag-with-a-very-long-name=PORT
                                  Another port (default: any free one) [LONGER]
  --must=PORT                     A third port (required) [MUST]
  --help                          Print this text
  --version                       Print the version

Each option is also an environment variable, named in brackets. A flag wins over its
variable; an empty variable counts as unset.
`;

Deno.test("printHelp() prints a program's options in two columns", () => {
  assertEquals(printHelp(SMALL), SMALL_HELP);
});

for (const program of [HUB, SPOKE]) {
  Deno.test(`printHelp() prints the ${program.name}'s help as it is kept in golden/`, async () => {
    const file = new URL(`golden/${program.name}_help.txt`, import.meta.url);
    assertEquals(printHelp(program), (await Deno.readTextFile(file)).replace("VERSION", VERSION));
  });

  Deno.test(`printHelp() keeps the ${program.name}'s help within 88 columns where words allow it`, () => {
    for (const line of printHelp(program).split("\n")) {
      assert(line.length <= 88 || !line.trim().includes(" "), line);
    }
  });
}

Deno.test("printVersion() prints name and version", () => {
  assertEquals(printVersion(HUB), `hub ${VERSION}\n`);
});
