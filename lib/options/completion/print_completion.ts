import { UserError } from "../../user_error.ts";
import { COMPLETION, type Shell, SHELLS } from "../common_commands.ts";
import type { OptionTable, Program } from "../option.ts";
import { type CompletionWords, completionWords } from "./completion_words.ts";
import { printBashCompletion } from "./print_bash_completion.ts";
import { printFishCompletion } from "./print_fish_completion.ts";
import { printZshCompletion } from "./print_zsh_completion.ts";

const PRINTERS: Readonly<Record<Shell, (words: CompletionWords) => string>> = {
  bash: printBashCompletion,
  zsh: printZshCompletion,
  fish: printFishCompletion,
};

/**
 * The script by which a shell completes the program's commands, flags and values, made from its
 * option table.
 *
 * @param args what follows the word `completion`: the name of a shell.
 * @throws {UserError} if that is not one of {@linkcode SHELLS}, alone.
 */
export function printCompletion(
  program: Program<OptionTable>,
  args: readonly string[],
): string {
  const shell = SHELLS.find((name) => name === args[0]);
  if (shell === undefined || args.length > 1) {
    throw new UserError(
      `which shell? Give ${SHELLS.slice(0, -1).join(", ")} or ${
        SHELLS.at(-1)
      }, and nothing more: ` +
        `${program.name} ${COMPLETION} ${SHELLS[0]}`,
    );
  }
  return PRINTERS[shell](completionWords(program));
}
