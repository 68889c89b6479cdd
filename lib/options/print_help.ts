import { VERSION } from "../version.ts";
import { COMMON_COMMANDS } from "./common_commands.ts";
import type { Option, OptionTable, Program } from "./option.ts";
import { BOOLEAN } from "./value_types.ts";

/** Where a line of help is broken. */
const WIDTH = 88;
/** Where the second column begins. */
const COLUMN = 34;

/** What `--help` prints: at most 88 columns, with a line feed at the end. */
export function printHelp(program: Program<OptionTable>): string {
  const { name, summary, options, commands } = program;
  const words = Object.entries({ ...commands, ...COMMON_COMMANDS });
  return [
    `${name} ${VERSION}`,
    ...wrap(summary, WIDTH),
    "",
    `Usage: ${name} [command] [options]`,
    "",
    ...words.flatMap(([word, help]) => columns(`  ${word}`, help)),
    "",
    ...Object.values(options).flatMap(printOption),
    ...columns("  --help", "Print this text"),
    ...columns("  --version", "Print the version"),
    "",
    ...wrap(
      "Each option is also an environment variable, named in brackets. A flag wins over its " +
        "variable; an empty variable counts as unset.",
      WIDTH,
    ),
    "",
  ].join("\n");
}

/** What `--version` prints. */
export function printVersion(program: Program<OptionTable>): string {
  return `${program.name} ${VERSION}\n`;
}

/** What an option is when nobody gives it, for people. */
export function printDefault(option: Option): string {
  if ("default" in option) return option.default;
  return "otherwise" in option ? option.otherwise : "required";
}

/** What an option does, and for which commands if not for all. */
export function helpOf({ help, commands }: Option): string {
  return commands ? `${help}; only for ${commands.join(", ")}` : help;
}

function printOption(option: Option): string[] {
  const flag = option.type === BOOLEAN
    ? `  --[no-]${option.flag}`
    : `  --${option.flag}=${option.type.placeholder}`;
  const state = "required" in option ? "required" : `default: ${printDefault(option)}`;
  return columns(flag, `${helpOf(option)} (${state}) [${option.variable}]`);
}

function columns(left: string, right: string): string[] {
  const lines = wrap(right, WIDTH - COLUMN).map((line) => " ".repeat(COLUMN) + line);
  if (left.length + 2 > COLUMN) return [left, ...lines];
  lines[0] = left.padEnd(COLUMN) + lines[0]!.trimStart();
  return lines;
}

/** Breaks at blanks; a word that is longer than a line gets one of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
