import { VERSION } from "../../version.ts";
import { COMPLETION, SHELLS } from "../common_commands.ts";
import { type CompletionFlag, type CompletionWords, flagsByCommand } from "./completion_words.ts";

/**
 * The completion for zsh, to be sourced or put into a folder of `fpath`: see `_arguments` and
 * `_describe` in zshcompsys(1).
 */
export function printZshCompletion(words: CompletionWords): string {
  const [name] = words.names;
  const { common, own } = flagsByCommand(words);
  const commands = Object.entries(words.commands).map(([word, help]) =>
    quote(`${word}:${help.replaceAll(/[:\\]/g, "\\$&")}`)
  );
  const branches = [...own].map(([word, flags]) =>
    `    (${word})\n      flags+=(\n${lines(flags.map(specify), 8)}\n      ) ;;`
  );
  return `#compdef ${words.names.join(" ")}
# ${name} ${VERSION}: completion for zsh, to be sourced, or a file of fpath.
_wg_${name}() {
  local -a commands=(
${lines(commands)}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  local -a interfaces=(/sys/class/net/*(N:t))
  local -a flags=(
${lines(common.map(specify))}
  )
  case $words[2] in
    (${COMPLETION}) flags=('2:shell:(${SHELLS.join(" ")})') ;;
${branches.join("\n")}
  esac
  # A command is an argument of its own.
  if [[ $words[2] != -* ]]; then flags+=('1:command: '); fi
  _arguments $flags
}
# Sourced, or run by the loader of compinit?
if [[ $funcstack[1] == _* ]]; then
  _wg_${name} "$@"
else
  compdef _wg_${name} ${words.names.join(" ")}
fi
`;
}

function lines(texts: readonly string[], indent = 4): string {
  return texts.map((text) => " ".repeat(indent) + text).join("\n");
}

/** A flag as `_arguments` has it: `(excluded)--flag=[help]:what is asked for:action`. */
function specify({ name, help, value, placeholder, excludes }: CompletionFlag): string {
  const excluded = `(${excludes.map((flag) => `--${flag}`).join(" ")})`;
  const text = help.replaceAll(/[[\]:\\]/g, "\\$&");
  if (value === undefined) return quote(`${excluded}--${name}[${text}]`);
  const asked = placeholder.replaceAll(/[:\\]/g, "\\$&");
  return quote(`${excluded}--${name}=[${text}]:${asked}:${actionFor(value)}`);
}

function actionFor(value: NonNullable<CompletionFlag["value"]>): string {
  if (value === "files") return "_files";
  if (value === "interfaces") return "compadd -a interfaces";
  return value.length > 0 ? `(${value.join(" ")})` : " ";
}

/** Within single quotes, as POSIX has them. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
