import { readSmallFile } from "./netlink/libc.ts";
import { UserError } from "./user_error.ts";

/** Set for the process in the background, so that it does not go there again. */
const MARK = "WG_KUBE_BACKGROUND";
/** Where the process in the background says which it is. */
export const PID_FILE = "/var/run/wg-spoke.pid";
/** What it writes to its parent when the tunnel's address is there. */
const READY = "ready\n";
/** How long the parent waits for that, in ms; and for the end of one that has failed. */
const LIMIT = 30_000;
const LAST_LIMIT = 5_000;

let told = false;

/** Whether this process is the one in the background. */
export function isInBackground(): boolean {
  return Deno.env.get(MARK) !== undefined;
}

/** Tells the parent, if there is one that waits, that it may return. Later calls do nothing. */
export function tellParent(): void {
  if (told || !isInBackground()) return;
  told = true;
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(READY));
  } catch {
    // It has given up waiting: nobody is there to be told.
  }
}

/**
 * Starts this program once more, in the background: in a session of its own, holding no terminal.
 *
 * @returns when that process has called {@linkcode tellParent}.
 * @throws {UserError} with its own last words, if it ended before, or has not come so far in 30 s.
 */
export async function daemonize(logFile: string): Promise<void> {
  // Its own command line again, as the kernel has it: also where an interpreter runs the program.
  const [, ...args] = readSmallFile("/proc/self/cmdline").split("\0").slice(0, -1);
  const child = new Deno.Command(Deno.execPath(), {
    args,
    env: { [MARK]: "1" },
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors: Promise<string> = new Response(child.stderr).text();
  const ready = await readiness(child.stdout);
  if (ready) return child.unref();
  const timer = setTimeout(() => end(child, "SIGKILL"), LAST_LIMIT);
  end(child, "SIGTERM");
  await child.status;
  clearTimeout(timer);
  const last = (await errors).trim().split("\n").at(-1)!;
  throw new UserError(
    last.replace(/^\w+: /, "") || `the process in the background did not get ready; see ${logFile}`,
  );
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

async function readiness(output: ReadableStream<Uint8Array>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), LIMIT));
  const reader = output.pipeThrough(new TextDecoderStream()).getReader();
  const line = (async () => {
    for (let text = "";;) {
      const { value, done } = await reader.read();
      if (done) return false;
      text += value;
      if (text.includes(READY)) return true;
    }
  })();
  try {
    return await Promise.race([line, limit]);
  } finally {
    clearTimeout(timer);
    void reader.cancel().catch(() => {});
  }
}
