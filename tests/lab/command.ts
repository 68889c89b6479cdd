/** How a program ended, and all that it printed. */
export interface CommandResult {
  /** Exit status; 128 + signal number if a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Record<string, string>;
  /** Start from an empty environment instead of ours. */
  readonly clearEnv?: boolean;
  readonly cwd?: string;
  /** Text for its standard input; without it, the input is empty. */
  readonly stdin?: string;
  /** Let it print straight to our own standard error instead of collecting. */
  readonly show?: boolean;
}

/** A program of the lab that ended badly: its command line, status and last words. */
export class CommandError extends Error {
  override name = "CommandError";
  constructor(readonly command: readonly string[], readonly result: CommandResult) {
    const words = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
    super(`${command.join(" ")} ended with status ${result.code}: ${words}`);
  }
}

/** Runs a program to its end. Any exit status is an answer; only a missing program throws. */
export async function tryRun(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const output = options.show ? 2 : undefined;
  const [program, ...args] = command;
  await using child = new Deno.Command(program!, {
    args,
    env: options.env ?? {},
    clearEnv: options.clearEnv ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: output ? "inherit" : "piped",
    stderr: output ? "inherit" : "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  if (output) return { code: (await child.status).code, stdout: "", stderr: "" };
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Runs a program to its end and returns what it printed on standard output.
 *
 * @throws {CommandError} unless it ended with status 0.
 */
export async function run(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryRun(command, options);
  if (result.code !== 0) throw new CommandError(command, result);
  return result.stdout;
}

/** The path of a program, searched like a root shell does, or undefined. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/local/sbin", "/usr/sbin"];
  for (const folder of [...folders, "/sbin"]) {
    const path = `${folder}/${name}`;
    const found = await Deno.stat(path).catch(() => undefined);
    if (found?.isFile && (found.mode ?? 0) & 0o111) return path;
  }
  return undefined;
}

/** A line about what the lab is doing, for the person who waits. */
export function progress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`lab: ${text}\n`));
}
