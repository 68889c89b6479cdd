import { VERSION } from "../../version.ts";
import { COMPLETION, SHELLS } from "../common_commands.ts";
import type { CompletionFlag, CompletionWords } from "./completion_words.ts";

/** The completion for fish 3.6 or newer: see complete(1) and commandline(1) of fish. */
export function printFishCompletion({ names, commands, flags }: CompletionWords): string {
  const [name, installed] = names;
  const complete = `complete -c ${name}`;
  const before = `__wg_${name}_before`;
  const allows = `__wg_${name}_allows`;
  const commandLines = Object.entries(commands).map(([word, help]) =>
    `${complete} -n 'test (count (${before})) -eq 1' -a ${word} -d ${quote(help)}`
  );
  const flagLines = flags.map((flag) => {
    // Fish judges by the same condition whether the flag is offered, and whether its value is.
    const names = flag.value === undefined ? flag.excludes : [`${flag.name}=`];
    const condition = [allows, ...names, "for", ...flag.commands ?? []].join(" ");
    return `${complete} -n ${quote(condition)} -l ${flag.name} ${valueOf(flag)}-d ${
      quote(flag.help)
    }`;
  });
  return `# ${name} ${VERSION}: completion for fish, to be sourced, or a file of its completions.
function ${before} --description 'The words before the one that is completed'
    commandline -opc
end
function ${allows} --description 'Whether none of FLAGS is there, but one of COMMANDS: FLAGS for COMMANDS'
    set -l words (${before})
    set -l border (contains -i -- for $argv)
    for flag in $argv[1..(math $border - 1)]
        # Right behind a flag that takes a value comes its value.
        switch $flag
            case '*='
                string match -q -- "--$flag*" $words; and return 1
                contains -- --(string trim -r -c = $flag) $words[1..-2]; and return 1
            case '*'
                contains -- --$flag $words; and return 1
        end
    end
    test "$words[2]" = ${COMPLETION}; and return 1
    test $border -eq (count $argv); or contains -- "$words[2]" $argv[(math $border + 1)..]
end
${complete} -f
${commandLines.join("\n")}
${complete} -n 'test (count (${before})) -eq 2; and contains ${COMPLETION} (${before})' -a ${
    quote(SHELLS.join(" "))
  }
${flagLines.join("\n")}
complete -c ${installed} -w ${name}
`;
}

/** What follows the flag: -x a value that is no file, -r -F a file. */
function valueOf({ value }: CompletionFlag): string {
  if (value === undefined) return "";
  if (value === "files") return "-r -F ";
  if (value === "interfaces") return `-x -a ${quote("(path basename /sys/class/net/*)")} `;
  return value.length > 0 ? `-x -a ${quote(value.join(" "))} ` : "-x ";
}

/** Within single quotes, as fish has them. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
