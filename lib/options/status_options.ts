import type { OptionTable } from "./option.ts";
import * as types from "./value_types.ts";

/** How `status` and `doctor` print: the same for both programs. */
export const STATUS_OPTIONS = {
  output: {
    flag: "output",
    variable: "WG_OUTPUT",
    type: types.OUTPUT_FORMAT,
    default: "table",
    help: "For people, or JSON for programs",
    commands: ["status", "doctor"],
  },
  watch: {
    flag: "watch",
    variable: "WG_WATCH",
    type: types.BOOLEAN,
    default: "false",
    help: "Print it again every 2 s, in place on a terminal",
    commands: ["status"],
  },
} as const satisfies OptionTable;
