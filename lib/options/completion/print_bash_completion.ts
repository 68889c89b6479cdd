import { VERSION } from "../../version.ts";
import { COMPLETION, SHELLS } from "../common_commands.ts";
import { type CompletionFlag, type CompletionWords, flagsByCommand } from "./completion_words.ts";

/**
 * The completion for bash 4.4 or newer, which needs nothing besides: see "Programmable Completion" in
 * bash(1). Every word that is printed into it comes from our own tables and has no blank or quote.
 */
export function printBashCompletion(words: CompletionWords): string {
  const [name] = words.names;
  const { common, own } = flagsByCommand(words);
  return `# ${name} ${VERSION}: completion for bash, to be sourced.
_wg_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local flag='' lead='' offered='' free='' given one path IFS=$' \\t\\n'
  COMPREPLY=()
  # Bash breaks --flag=value at the =, unless COMP_WORDBREAKS has been changed.
  if [[ $word == = ]]; then
    flag=$before word=''
  elif [[ $before == = ]]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $word == --*=* ]]; then
    flag=\${word%%=*} lead=\${word%%=*}= word=\${word#*=}
  else
    flag=$before
  fi
  case $flag in
${valueCases(words.flags).join("\n")}
    *) flag='' ;;
  esac
  if [[ -n $flag ]]; then
    mapfile -t COMPREPLY < <(compgen -P "$lead" -W "$offered" -- "$word")
    return
  fi
  if ((COMP_CWORD == 1)) && [[ $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '${Object.keys(words.commands).join(" ")}' -- "$word")
    return
  fi
  offered='${printFlags(common)}'
  case \${COMP_WORDS[1]} in
    ${COMPLETION})
      offered=''
      ((COMP_CWORD == 2)) && offered='${SHELLS.join(" ")}' ;;
${[...own].map(([word, flags]) => `    ${word}) offered+=' ${printFlags(flags)}' ;;`).join("\n")}
  esac
  # A flag is given once.
  given=" \${COMP_WORDS[*]:1:COMP_CWORD - 1} "
  for one in $offered; do
    flag=\${one%=} flag=\${flag#--} flag=\${flag#no-}
    [[ $given == *" --$flag"[\\ =]* || $given == *" --no-$flag "* ]] || free+=" $one"
  done
  mapfile -t COMPREPLY < <(compgen -W "$free" -- "$word")
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then
    compopt -o nospace
  fi
}
complete -F _wg_${name} ${words.names.join(" ")}
`;
}

/** The flags as they are offered: what takes a value ends in an equals sign. */
function printFlags(flags: readonly CompletionFlag[]): string {
  return flags.map(({ name, value }) => `--${name}${value === undefined ? "" : "="}`).join(" ");
}

/** Branches by flag that set what is offered as its value; flags with the same offer share one. */
function valueCases(flags: readonly CompletionFlag[]): string[] {
  const flagsOf = new Map<string, string[]>();
  for (const { name, value } of flags) {
    if (value === undefined) continue;
    const action = actionFor(value);
    flagsOf.set(action, [...flagsOf.get(action) ?? [], `--${name}`]);
  }
  return [...flagsOf].map(([action, names]) => `    ${names.join(" | ")})${action} ;;`);
}

function actionFor(value: NonNullable<CompletionFlag["value"]>): string {
  if (value === "files") {
    return `
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -P "$lead" -f -- "$word")
      return`;
  }
  if (value === "interfaces") {
    return `
      for path in /sys/class/net/*; do offered+=" \${path##*/}"; done`;
  }
  return value.length > 0 ? ` offered='${value.join(" ")}'` : "";
}
