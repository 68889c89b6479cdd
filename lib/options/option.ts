import type { ValueType } from "./value_types.ts";

interface OptionBase {
  /** The flag's name without the two hyphens. */
  readonly flag: string;
  /** The environment variable that is read when the flag is not given. */
  readonly variable: string;
  readonly type: ValueType<unknown>;
  /** What it does: one sentence for help and README, without a full stop. */
  readonly help: string;
  /** The commands that it is for; absent: whatever the program does, it may be given. */
  readonly commands?: readonly string[];
}

/** An option that always has a value. */
export interface OptionWithDefault extends OptionBase {
  /** As a user would write it; the option's own type parses it. */
  readonly default: string;
}

/** An option that is absent when it is not given, because something better than a constant steps in. */
export interface OptionFromElsewhere extends OptionBase {
  /** Where the value then comes from, for people. */
  readonly otherwise: string;
}

/** An option without which the program cannot start. */
export interface RequiredOption extends OptionBase {
  /** How to give it, for the error message. */
  readonly required: string;
}

/** One option of a program. */
export type Option = OptionWithDefault | OptionFromElsewhere | RequiredOption;

/** All options of a program, in the order of help and README, under the names that the code uses. */
export type OptionTable = Readonly<Record<string, Option>>;

/** What {@linkcode parseOptions} makes of a table: each option's value in its type. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly type: ValueType<infer Value> }
    ? Table[Name] extends OptionFromElsewhere ? Value | undefined : Value
    : never;
};

/** What a program does when its first argument is a word: one sentence each, without a full stop. */
export type Commands<Names extends string = string> = Readonly<Record<Names, string>>;

/** A program, as far as help, version and options go. */
export interface Program<Table extends OptionTable, Names extends string = string> {
  readonly name: string;
  /** One sentence for the top of the help text. */
  readonly summary: string;
  readonly options: Table;
  /** What it can do besides running. */
  readonly commands?: Commands<Names>;
}
