/** How long a program may take to do what a test waits for, in milliseconds. */
const PATIENCE_MS = 60_000;

export interface LabProcessOptions {
  readonly env?: Record<string, string>;
  readonly clearEnv?: boolean;
  /** Keep its standard input open; {@linkcode LabProcess.closeInput} ends it. */
  readonly input?: boolean;
  /** How many programs at the front of the command line stay as parents of the wanted one. */
  readonly wrappers?: number;
}

/**
 * A running program whose output is kept and can be searched while it runs. Disposing kills it.
 * Standard output and standard error are one stream of lines.
 */
export class LabProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #wrappers: number;
  readonly #collected: Promise<unknown>;
  #text = "";
  #waiters = new Set<() => void>();
  #ended = false;

  constructor(readonly command: readonly string[], options: LabProcessOptions = {}) {
    const [program, ...args] = command;
    this.#wrappers = options.wrappers ?? 0;
    this.#child = new Deno.Command(program!, {
      args,
      env: options.env ?? {},
      clearEnv: options.clearEnv ?? false,
      stdin: options.input ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { stdout, stderr, status } = this.#child;
    this.#collected = Promise.all([this.#collect(stdout), this.#collect(stderr), status])
      .then(() => {
        this.#ended = true;
        this.#wake();
      });
  }

  /** Process id of the outermost wrapper, or of the program where there is none. */
  get pid(): number {
    return this.#child.pid;
  }

  /** All that it has printed so far. */
  get output(): string {
    return this.#text;
  }

  /** Whether it has ended and all its output is here. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Its exit status, when it has ended; 128 + signal number if a signal ended it. */
  async exitCode(): Promise<number> {
    await this.#collected;
    return (await this.#child.status).code;
  }

  /**
   * Waits for a line that matches, also among those printed before.
   *
   * @param from offset in {@linkcode output} to search from.
   * @throws {Error} with the output so far, when the time is over or the program has ended.
   */
  async waitForLine(pattern: RegExp, timeoutMs = PATIENCE_MS, from = 0): Promise<RegExpExecArray> {
    const search = new RegExp(pattern.source, [...new Set(`${pattern.flags}m`)].join(""));
    const deadline = AbortSignal.timeout(timeoutMs);
    while (true) {
      search.lastIndex = 0;
      const ended = this.#ended;
      const match = search.exec(this.#text.slice(from));
      if (match) return match;
      if (ended || deadline.aborted) {
        const why = ended ? "ended" : `printed nothing in ${timeoutMs} ms`;
        throw new Error(`${this.command.join(" ")}: ${why} that matches ${pattern}\n${this.#text}`);
      }
      await this.#change(deadline);
    }
  }

  /**
   * Sends a signal to the program itself, past the wrappers that started it.
   * Does nothing if it has ended.
   */
  async kill(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    if (this.#ended) return;
    const wrappers: number[] = [];
    let pid: number | undefined = this.#child.pid;
    for (let depth = 0; depth < this.#wrappers && pid !== undefined; depth++) {
      wrappers.push(pid);
      pid = await childOf(pid);
    }
    // nsenter(1) stops with its child, so it has to be woken with it.
    const targets = signal === "SIGCONT" ? [pid, ...wrappers] : [pid ?? this.#child.pid];
    for (const target of targets) {
      try {
        if (target !== undefined) Deno.kill(target, signal);
      } catch (thrown) {
        if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
      }
    }
  }

  /** Sends a signal, SIGTERM unless told, and waits for the end. */
  async stop(signal: Deno.Signal = "SIGTERM", timeoutMs = PATIENCE_MS): Promise<number> {
    await this.kill(signal);
    const deadline = AbortSignal.timeout(timeoutMs);
    while (!this.#ended && !deadline.aborted) await this.#change(deadline);
    if (!this.#ended) {
      await this.kill("SIGKILL");
      throw new Error(`${this.command.join(" ")}: alive ${timeoutMs} ms after ${signal}`);
    }
    return await this.exitCode();
  }

  /** Writes to its standard input (with `input: true`). */
  async write(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    writer.releaseLock();
  }

  /** Ends its standard input, if it has one and it is still open. */
  async closeInput(): Promise<void> {
    try {
      await this.#child.stdin.close();
    } catch {
      // There was none, or its reader has gone.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await this.closeInput();
    await this.#collected;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#wake();
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }

  /** Resolves at the next output, at the end of the program, or when the signal fires. */
  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#waiters.add(wake);
    signal.addEventListener("abort", wake);
    await promise;
    this.#waiters.delete(wake);
    signal.removeEventListener("abort", wake);
  }
}

/** The process whose parent is `pid`, waiting a moment for it to be born; undefined if none is. */
export async function childOf(pid: number): Promise<number | undefined> {
  for (let attempt = 0; attempt < 50; attempt++) {
    for await (const entry of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(entry.name)) continue;
      const stat = await Deno.readTextFile(`/proc/${entry.name}/stat`).catch(() => "");
      // The second field is a name in parentheses, which may itself hold blanks and parentheses.
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) === pid) return Number(entry.name);
    }
    if (await Deno.stat(`/proc/${pid}`).then(() => false, () => true)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}
