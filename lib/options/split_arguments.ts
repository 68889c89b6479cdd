import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { UserError } from "../user_error.ts";
import type { Option } from "./option.ts";
import { BOOLEAN } from "./value_types.ts";

interface ParseArgsOptions {
  readonly string: readonly string[];
  readonly collect: readonly string[];
  readonly unknown: (argument: string, flag?: string) => false;
}

/** The library comes without types: this is what it does with the settings used here. */
const split: (
  args: readonly string[],
  options: ParseArgsOptions,
) => Readonly<Record<string, readonly string[]>> & { readonly _: readonly string[] } = parseArgs;

/** The words that every program takes besides its options, without the two hyphens. */
const COMMON_FLAGS = ["help", "version"];

/**
 * Splits `--flag value`, `--flag=value`, and for true/false options `--flag` and `--no-flag`, into
 * flag and text. Nothing is parsed yet.
 *
 * @throws {UserError} for an unknown or doubled flag, a missing value, or an argument that belongs
 * to no flag.
 */
export function splitArguments(
  options: readonly Option[],
  args: readonly string[],
): ReadonlyMap<string, string> {
  const booleans = options.filter(({ type }) => type === BOOLEAN).map(({ flag }) => flag);
  const names = options.map(({ flag }) => flag);
  const parsed = split(args.map((arg) => spellOut(arg, booleans)), {
    string: names,
    collect: names,
    unknown: (argument, flag) => {
      throw flag === undefined ? strayArgument(argument) : unknownFlag(argument, options);
    },
  });
  if (parsed._.length > 0) throw strayArgument(parsed._[0]!);

  const flags = new Map<string, string>();
  for (const name of names) {
    const texts = parsed[name]!;
    if (texts.length > 1) {
      throw new UserError(`--${name} is given ${texts.length} times: give it once`);
    }
    if (texts[0] === "") {
      throw new UserError(
        `--${name} needs a value: write --${name}=VALUE (a value that begins with - needs the =)`,
      );
    }
    if (texts[0] !== undefined) flags.set(name, texts[0]);
  }
  return flags;
}

/** `--adopt` as `--adopt=true`, `--no-adopt` as `--adopt=false`: so every flag has a text. */
function spellOut(argument: string, booleans: readonly string[]): string {
  if (booleans.some((flag) => argument === `--${flag}`)) return `${argument}=true`;
  const negated = booleans.find((flag) => argument === `--no-${flag}`);
  if (negated !== undefined) return `--${negated}=false`;
  // The library would read --no-x=1 as --x=1.
  if (/^--no-[^=]*=/.test(argument)) {
    throw new UserError(
      `${
        JSON.stringify(argument)
      } is no flag: --no-… takes no value, and only a true/false flag has it`,
    );
  }
  return argument;
}

function strayArgument(argument: string): UserError {
  return new UserError(
    `unexpected argument ${JSON.stringify(argument)}: values belong to a flag, as in ` +
      `--flag=value; see --help`,
  );
}

function unknownFlag(argument: string, options: readonly Option[]): UserError {
  const name = argument.replace(/=.*$/s, "");
  const known = [...options.map(({ flag }) => flag), ...COMMON_FLAGS].map((flag) => `--${flag}`);
  const byVariable = options.find(({ variable }) => variable === name.replace(/^-+/, ""));
  const nearest = byVariable ? `--${byVariable.flag}` : closestString(name, known) as string;
  const isNear = byVariable !== undefined || levenshteinDistance(name, nearest) <= 3;
  const hint = isNear ? `did you mean ${nearest}?` : "see --help for those there are";
  return new UserError(`unknown flag ${JSON.stringify(name)}: ${hint}`);
}
