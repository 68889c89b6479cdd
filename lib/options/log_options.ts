import type { OptionTable } from "./option.ts";
import * as types from "./value_types.ts";

/** How a program logs: the same for both. */
export const LOG_OPTIONS = {
  logFormat: {
    flag: "log-format",
    variable: "WG_LOG_FORMAT",
    type: types.LOG_FORMAT,
    default: "text",
    help: "Lines for people, or one JSON object a line",
  },
  logLevel: {
    flag: "log-level",
    variable: "WG_LOG_LEVEL",
    type: types.LOG_LEVEL,
    default: "info",
    help: "Least severe kind of line that is logged",
  },
} as const satisfies OptionTable;
