import { COMMON_COMMANDS } from "./common_commands.ts";
import type { OptionTable, Program } from "./option.ts";
import { helpOf, printDefault } from "./print_help.ts";

/** A program's options as a table in Markdown, aligned as `deno fmt` does it. */
export function printOptionTable(program: Program<OptionTable>): string {
  const rows = Object.values(program.options).map((option) => [
    `\`--${option.flag}\``,
    `\`${option.variable}\``,
    "default" in option ? `\`${option.default}\`` : printDefault(option),
    helpOf(option),
  ]);
  const table = [["Flag", "Variable", "Default", "Meaning"], ...rows].map((row) =>
    row.map((cell) => cell.replaceAll("|", "\\|"))
  );
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n") + "\n";
}

/** A program's commands as a list in Markdown, with an empty line after it. */
function printCommands({ name, commands }: Program<OptionTable>): string {
  const lines = Object.entries({ ...commands, ...COMMON_COMMANDS }).map(([word, help]) =>
    `- \`${name} ${word}\`: ${help[0]!.toLowerCase()}${help.slice(1)}.`
  );
  return lines.map((line) => `${line}\n`).join("") + "\n";
}

/**
 * Puts a program's commands and its option table between its two markers, `<!-- options of NAME -->` and
 * `<!-- end of options of NAME -->`, in place of what is there.
 *
 * @throws {Error} if the text lacks one of the markers.
 */
export function replaceOptionTable(text: string, program: Program<OptionTable>): string {
  const begin = `<!-- options of ${program.name} -->`;
  const end = `<!-- end of options of ${program.name} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the text lacks ${begin} or ${end}`);
  const inner = printCommands(program) + printOptionTable(program);
  return `${text.slice(0, from)}${begin}\n\n${inner}\n${text.slice(to)}`;
}
