import { COMMON_COMMANDS } from "../common_commands.ts";
import type { Commands, Option, OptionTable, Program } from "../option.ts";
import { BOOLEAN, type Offer } from "../value_types.ts";

/** A flag, as far as completing it goes. */
export interface CompletionFlag {
  /** Without the two hyphens. */
  readonly name: string;
  readonly help: string;
  /** What a shell offers as its value; undefined: it takes none. */
  readonly value: Offer | undefined;
  /** What stands for the value in the help text. */
  readonly placeholder: string;
  /** The flags that are pointless beside it, itself among them. */
  readonly excludes: readonly string[];
  /** The commands that it is for; absent: whatever the program does. */
  readonly commands?: readonly string[];
}

/** What a shell completes of a program. */
export interface CompletionWords {
  /** What the program is called: as it is built, and as it is installed on a machine. */
  readonly names: readonly [string, string];
  readonly commands: Commands;
  readonly flags: readonly CompletionFlag[];
}

const COMMON_FLAGS: readonly CompletionFlag[] = [
  { name: "help", help: "Print all commands and options" },
  { name: "version", help: "Print the version" },
].map((flag) => ({ ...flag, value: undefined, placeholder: "", excludes: [flag.name] }));

/** The words of a program, from its commands and its option table. */
export function completionWords(program: Program<OptionTable>): CompletionWords {
  return {
    names: [program.name, `wg-${program.name}`],
    commands: { ...program.commands, ...COMMON_COMMANDS },
    flags: [...Object.values(program.options).flatMap(flagsOf), ...COMMON_FLAGS],
  };
}

/** The flags by the commands that they are for; those for all come first, under no command. */
export function flagsByCommand(
  { commands, flags }: CompletionWords,
): { common: readonly CompletionFlag[]; own: ReadonlyMap<string, readonly CompletionFlag[]> } {
  const own = Object.keys(commands).map((command) =>
    [command, flags.filter((flag) => flag.commands?.includes(command))] as const
  );
  return {
    common: flags.filter((flag) => flag.commands === undefined),
    own: new Map(own.filter(([, flags]) => flags.length > 0)),
  };
}

function flagsOf({ flag, help, type, commands }: Option): CompletionFlag[] {
  const common = { placeholder: type.placeholder, ...(commands && { commands }) };
  if (type !== BOOLEAN) {
    return [{ ...common, name: flag, help, value: type.offers ?? [], excludes: [flag] }];
  }
  const excludes = [flag, `no-${flag}`];
  return excludes.map((name) => ({
    ...common,
    name,
    help: name === flag ? help : `Turn --${flag} off`,
    value: undefined,
    excludes,
  }));
}
