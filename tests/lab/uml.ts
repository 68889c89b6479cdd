import { userModeLinux } from "./kernel.ts";

/** Said by the kernel about itself, not by what runs in it. */
const KERNEL_CHATTER = /^(Failed to initialize ubd|sysrq: Power Off|reboot: Power down|random: )/;

export interface ContainedOptions {
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** A folder that stays writable and outlives the run. */
  readonly results: string;
  /** After that long, everything in it is ended, milliseconds. */
  readonly timeoutMs: number;
  /** How much of what this machine can give as memory; all of it unless told. */
  readonly memoryShare?: number;
  /** Ends everything in it early, as the time does. */
  readonly signal?: AbortSignal;
  /** Where what it prints goes, line by line; our standard error unless told. */
  readonly stream?: { writeSync(bytes: Uint8Array): number };
}

/**
 * How a contained run ended: its exit status; undefined if it was ended early; or the kernel under it
 * crashed or stood still, of which what ran there is innocent.
 */
export type ContainedStatus = number | "no kernel" | undefined;

/** So long a kernel that lives may be silent, in ms: it has one processor and shares that. */
const LONGEST_SILENCE = 180_000;

/**
 * Boots user-mode Linux with WireGuard, on this machine's root read-only under a layer in memory, and
 * runs a command in it as root. What it prints goes to our standard error as it comes.
 */
export async function runInUserModeLinux(
  command: readonly string[],
  options: ContainedOptions,
): Promise<ContainedStatus> {
  const kernel = await userModeLinux();
  const control = await Deno.makeTempDir({ prefix: "wg-kube-uml-" });
  try {
    await Deno.writeTextFile(`${control}/run.sh`, shellScript(command, options), { mode: 0o700 });
    await Deno.writeTextFile(`${control}/shared`, `${control}\n${options.results}\n`);
    const init = new URL("uml_init.sh", import.meta.url).pathname;
    const memory = await memorySize(options.memoryShare ?? 1);
    const silence = new AbortController();
    const watch = setInterval(() => {
      const { mtime } = statOf(`${control}/alive`) ?? {};
      if (mtime && Date.now() - mtime.getTime() > LONGEST_SILENCE) silence.abort();
    }, 10_000);
    const code = await guarded(
      [
        ...[kernel, `mem=${memory.megabytes}M`, "rootfstype=hostfs", "rootflags=/", "ro", "quiet"],
        ...["con=null", "con0=null,fd:1", "random.trust_cpu=on", "init=/bin/sh"],
        ...[`CONTROL=${control}`, "--", init],
      ],
      {
        ...options,
        env: { TMPDIR: memory.folder },
        signal: AbortSignal.any([silence.signal, ...options.signal ? [options.signal] : []]),
      },
    ).finally(() => clearInterval(watch));
    const status = await Deno.readTextFile(`${control}/status`).catch(() => "");
    if (status.trim() !== "") return Number(status);
    return code === undefined && !silence.signal.aborted ? undefined : "no kernel";
  } finally {
    await Deno.remove(control, { recursive: true });
  }
}

/**
 * Runs a command in fresh namespaces of this machine's own kernel (network, mounts, processes): what
 * it starts ends with it, and the network that it makes is seen by nobody else.
 */
export async function runInNamespaces(
  command: readonly string[],
  options: ContainedOptions,
): Promise<number | undefined> {
  // Not exec: process 1 has to reap orphans, which bash does while it waits.
  const inside = 'ip link set lo up; cd "$1"; shift; "$@"; exit $?';
  return await guarded(
    [
      ...["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"],
      ...["--mount-proc", "bash", "-c", inside, "bash", options.cwd, ...command],
    ],
    options,
  );
}

/**
 * Runs a command that must not outlive us, not even if we are killed: a shell beside it waits for the
 * end of its input, whose other end only we hold.
 *
 * @returns its exit status, or undefined when the time ran out.
 */
async function guarded(
  command: readonly string[],
  { env, timeoutMs, signal, stream = Deno.stderr }: ContainedOptions,
): Promise<number | undefined> {
  const guard = 'exec 3<&0; "$@" < /dev/null & pid=$!; ' +
    "{ cat <&3 > /dev/null; kill -KILL -$pid; kill -KILL 0; } > /dev/null 2>&1 & " +
    "wait $pid; code=$?; kill $! 2> /dev/null; kill -KILL -$pid 2> /dev/null; exit $code";
  // A session of its own: no signal to our process group ends the guard before its ward, and one
  // signal to the guard's group reaches all that the ward has forked. User-mode Linux makes itself
  // a group once more, which therefore goes first; and it goes when that has crashed, for what ran
  // there would run on, on this machine.
  const child = new Deno.Command("setsid", {
    args: ["sh", "-c", guard, "sh", ...command],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let late = false;
  const end = () => {
    late = true;
    child.stdin.close().catch(() => {});
  };
  const timer = setTimeout(end, timeoutMs);
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted) end();
  try {
    await relay(child.stdout, stream);
    const { code } = await child.status;
    return late ? undefined : code;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    if (!late) await child.stdin.close().catch(() => {});
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined; // it is not there yet
  }
}

/** Passes a stream of lines on, without the kernel's own. */
async function relay(
  stream: ReadableStream<Uint8Array>,
  target: NonNullable<ContainedOptions["stream"]>,
): Promise<void> {
  const encoder = new TextEncoder();
  let rest = "";
  const write = (line: string) => {
    if (!KERNEL_CHATTER.test(line)) target.writeSync(encoder.encode(line));
  };
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text.replaceAll("\r\n", "\n")).split(/(?<=\n)/);
    rest = lines.at(-1)!.endsWith("\n") ? "" : lines.pop()!;
    lines.forEach(write);
  }
  if (rest) write(`${rest}\n`);
}

function shellScript(command: readonly string[], { env, cwd }: ContainedOptions): string {
  return [
    ...Object.entries({ ...env, HOME: env["HOME"] ?? "/root", TERM: "dumb" })
      .filter(([name]) => /^[A-Za-z_]\w*$/.test(name))
      .map(([name, value]) => `export ${name}=${quoted(value)}`),
    `cd ${quoted(cwd)}`,
    `exec ${command.map(quoted).join(" ")}`,
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * How much memory the guest gets, and the folder that backs it. In a container /dev/shm is often
 * too small, and running out of it kills the guest with a bus error.
 */
async function memorySize(share: number): Promise<{ megabytes: number; folder: string }> {
  const megabytes = Math.min(4096, Math.floor(Deno.systemMemoryInfo().total / 2 ** 20 / 2 * share));
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs("/dev/shm").catch(() => ({ bavail: 0, bsize: 0 }));
  return { megabytes, folder: bavail * bsize * share >= megabytes * 2 ** 20 ? "/dev/shm" : "/tmp" };
}
