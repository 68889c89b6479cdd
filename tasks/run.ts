/** How a command ended that was not fine. */
export class CommandFailed extends Error {
  override name = "CommandFailed";
  /** What it wrote to standard error. */
  readonly stderr: string;

  constructor(command: string, code: number, stderr: string) {
    super(`${command} ended with ${code}:\n${stderr}`);
    this.stderr = stderr;
  }
}

/**
 * Runs a command to its end.
 *
 * @param env variables besides those of this process.
 * @returns what it wrote to standard output.
 * @throws {CommandFailed} if its exit status is not 0.
 */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new CommandFailed(`${command} ${args[0]}`, code, decoder.decode(stderr));
  return decoder.decode(stdout);
}
