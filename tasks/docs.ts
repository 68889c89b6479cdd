import { HUB } from "../lib/options/hub_options.ts";
import { replaceOptionTable } from "../lib/options/print_option_table.ts";
import { SPOKE } from "../lib/options/spoke_options.ts";

/** Writes the option tables into README.md: `deno task docs`. */
const readme = new URL("../README.md", import.meta.url);
const text = await Deno.readTextFile(readme);
await Deno.writeTextFile(readme, replaceOptionTable(replaceOptionTable(text, HUB), SPOKE));
