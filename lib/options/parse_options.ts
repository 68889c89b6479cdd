import { UserError } from "../user_error.ts";
import type { Option, OptionTable, OptionValues } from "./option.ts";
import { splitArguments } from "./split_arguments.ts";
import type { ValueType } from "./value_types.ts";

/** The environment, as a look-up: `Deno.env` is one, and so is a Map. */
export interface Environment {
  get(variable: string): string | undefined;
}

/**
 * Reads a program's options: flags first, then variables (an empty one counts as unset), then
 * defaults.
 *
 * @param args the arguments after the program's name and the command.
 * @param command the command that was given. The flag of an option that is for others is refused;
 * its variable may be set all the same.
 * @throws {UserError} that names the flag or the variable at fault, and the remedy.
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
  environment: Environment,
  command?: string,
): OptionValues<Table> {
  const flags = splitArguments(Object.values(table), args);
  for (const option of Object.values(table)) {
    if (flags.has(option.flag)) checkCommand(option, command);
  }
  const entries = Object.entries(table).map(([name, option]) => [
    name,
    valueOf(option, flags.get(option.flag), environment.get(option.variable)),
  ]);
  // The table's own types gave each value: what the mapped type says, but nothing can prove.
  return Object.fromEntries(entries) as OptionValues<Table>;
}

function checkCommand({ flag, commands }: Option, command: string | undefined): void {
  if (!commands || (command !== undefined && commands.includes(command))) return;
  throw new UserError(
    `--${flag} belongs to ${
      commands.join(" or ")
    }: put that word before all flags, or leave the flag out`,
  );
}

function valueOf(option: Option, flag: string | undefined, variable: string | undefined): unknown {
  if (flag !== undefined) return parseValue(option.type, `--${option.flag}`, flag);
  if (variable) return parseValue(option.type, option.variable, variable);
  if ("default" in option) return parseValue(option.type, `--${option.flag}`, option.default);
  if ("required" in option) {
    throw new UserError(
      `--${option.flag} (or ${option.variable}) is required: ${option.required}`,
    );
  }
  return undefined;
}

function parseValue(type: ValueType<unknown>, source: string, text: string): unknown {
  const value = type.parse(text);
  if (value === undefined) {
    throw new UserError(`${source}: ${quoteBriefly(text)} is not ${type.expected}`);
  }
  return value;
}

/** A stranger's text in quotes, escaped, and cut where it is long. */
export function quoteBriefly(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
