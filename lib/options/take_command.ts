import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { UserError } from "../user_error.ts";
import { COMMON_COMMANDS } from "./common_commands.ts";
import type { Commands } from "./option.ts";

/** A command, if one is given, and the arguments that are left. */
export interface TakenCommand<Names extends string> {
  readonly command: Names | undefined;
  readonly args: readonly string[];
}

/**
 * Takes the command from the front of the arguments: a program that has commands takes one as its
 * first argument, before all flags.
 *
 * @throws {UserError} if the first argument is a word, and none of the commands.
 */
export function takeCommand<Names extends string>(
  commands: Commands<Names> | undefined,
  args: readonly string[],
): TakenCommand<Names> {
  const [word, ...rest] = args;
  const names = Object.keys(commands ?? {}) as Names[];
  if (word === undefined || word.startsWith("-") || names.length === 0) {
    return { command: undefined, args };
  }
  const command = names.find((name) => name === word);
  if (command !== undefined) return { command, args: rest };
  const known = [...names, ...Object.keys(COMMON_COMMANDS)];
  const nearest = closestString(word, known) as string;
  const isNear = levenshteinDistance(word, nearest) <= 2;
  throw new UserError(
    `unknown command ${JSON.stringify(word)}: ` +
      (isNear ? `did you mean ${nearest}?` : "see --help for those there are"),
  );
}
