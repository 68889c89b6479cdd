import type { Shell } from "../../lib/options/common_commands.ts";
import { run } from "./command.ts";

/**
 * What a shell offers for the last word of each line, once it has loaded a completion: bash and zsh by
 * their line editors, as if somebody had typed the line and asked for all that fits, fish by `complete -C`.
 * Flags come without the equals sign behind them, values without their flag.
 *
 * @param program the first word of the lines.
 * @throws {CommandError} if the shell fails.
 */
export async function offersOf(
  shell: Shell,
  { script, program, lines }: { script: string; program: string; lines: readonly string[] },
): Promise<string[][]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/completion`, script);
    for (const line of lines) if (!line.startsWith(`${program} `)) throw new Error(line);
    const answers = await ASK[shell](folder, program, lines);
    return answers.map((words) => words.map(plain).sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** `--flag` of `--flag=`, `value` of `--flag=value`. */
function plain(word: string): string {
  return word.replace(/^(--[\w-]+)=$/, "$1").replace(/^--[\w-]+=(.+)$/, "$1");
}

const ASK: Readonly<
  Record<Shell, (folder: string, program: string, lines: readonly string[]) => Promise<string[][]>>
> = {
  async bash(folder, program, lines) {
    // In a session of its own, so that it asks for no terminal of ours. Readline puts all that fits
    // into the line. What is run then is a function that tells of its words.
    const typed = [
      `${program}() { printf '%s\\n' "$@" END >> ${folder}/answers; }`,
      `. ${folder}/completion`,
      `bind '"\\C-t": insert-completions'`,
      ...lines.map((line) => `${line}\x14`),
      "exit 0\n",
    ];
    await run(["setsid", "--wait", "bash", "--norc", "--noprofile", "-i"], {
      stdin: typed.join("\n"),
    });
    return offered(lines, await Deno.readTextFile(`${folder}/answers`));
  },

  async zsh(folder, program, lines) {
    const setup = [
      "autoload -Uz compinit; compinit -D -u",
      `. ${folder}/completion`,
      `${program}() { print -rl -- "$@" END >> ${folder}/answers; }`,
      "every() { _main_complete; compstate[insert]=all; }",
      "zle -C every complete-word every",
      "bindkey '^T' every",
    ];
    await Deno.writeTextFile(`${folder}/setup`, setup.join("\n"));
    await Deno.writeTextFile(`${folder}/lines`, lines.map((line) => `${line}\x14\n`).join(""));
    // zsh has a line editor on a terminal only: a pseudo-terminal of its own.
    const session = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell '. ${folder}/setup; stty -echo'
      wanted=0
      while IFS= read -r line; do
        zpty -w shell "$line"
        (( wanted += 1 ))
        for i in {1..200}; do
          zpty -r -t shell seen || true
          [[ $(grep -cx END ${folder}/answers 2>/dev/null) == $wanted ]] && break
          sleep 0.05
        done
      done < ${folder}/lines
      zpty -d shell`;
    await run(["zsh", "-f", "-c", session]);
    return offered(lines, await Deno.readTextFile(`${folder}/answers`));
  },

  async fish(folder, _program, lines) {
    const commands = [
      `source ${folder}/completion`,
      ...lines.flatMap((line) => [`complete -C '${line}'`, "echo END"]),
    ];
    const printed = await run(["fish", "--no-config", "-c", commands.join("\n")]);
    return printed.split(/^END\n/m).slice(0, -1).map((answer) =>
      answer.split("\n").filter(Boolean).map((line) => line.split("\t")[0]!)
    );
  },
};

/** The words of each command as it was run, less those that had been typed. */
function offered(lines: readonly string[], answers: string): string[][] {
  const blocks = answers.split(/^END\n/m).slice(0, -1).map((block) =>
    block.split("\n").filter(Boolean)
  );
  if (blocks.length !== lines.length) throw new Error(`${blocks.length} answers: ${answers}`);
  return blocks.map((words, at) => {
    const typed = lines[at]!.split(" ").slice(1);
    const last = typed.pop()!;
    const rest = words.slice(typed.length);
    return rest.length === 1 && rest[0] === last ? [] : rest;
  });
}
