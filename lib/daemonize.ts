import { splitLines } from "./kubernetes/split_lines.ts";
import { readSmallFile } from "./netlink/libc.ts";
import { UserError } from "./user_error.ts";

/** Set for the process in the background, so that it does not go there again. */
const MARK = "WG_KUBE_BACKGROUND";
/** Lines that it writes to its parent: that the tunnel's address is there, and why it is not. */
const READY = "ready";
const TROUBLE = "trouble: ";
/** How long the parent waits for the first, in ms; after the second; and for the end of one that has failed. */
const LIMIT = 30_000;
const TROUBLE_LIMIT = 5_000;
const LAST_LIMIT = 5_000;

let told = false;

/** Whether this process is the one in the background. */
export function isInBackground(): boolean {
  return Deno.env.get(MARK) !== undefined;
}

/**
 * Tells the parent, if there is one that waits, that it may return. Later calls do nothing.
 *
 * @param trouble why it may not, so far; it will give up soon.
 */
export function tellParent(trouble?: string): void {
  if (told || !isInBackground()) return;
  told = trouble === undefined;
  const line = told ? READY : TROUBLE + trouble!.replaceAll("\n", " ");
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch {
    // It has given up waiting: nobody is there to be told.
  }
}

/**
 * Starts this program once more, in the background: in a session of its own, holding no terminal.
 *
 * @returns when that process has called {@linkcode tellParent}.
 * @throws {UserError} with its own last words, if it ended before, or has not come so far in 30 s, or 5 s
 * after it told of trouble.
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
  const { isReady, trouble } = await readiness(child.stdout);
  if (isReady) return child.unref();
  const timer = setTimeout(() => end(child, "SIGKILL"), LAST_LIMIT);
  end(child, "SIGTERM");
  await child.status;
  clearTimeout(timer);
  const last = (await errors).trim().split("\n").at(-1)!;
  throw new UserError(
    last.replace(/^\w+: /, "") ||
      `${trouble ?? "the process in the background did not get ready"}; see ${logFile}`,
  );
}

function end(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

interface Readiness {
  readonly isReady: boolean;
  /** What it has last said that keeps it from that. */
  readonly trouble: string | undefined;
}

async function readiness(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Readiness> {
  const late = Promise.withResolvers<"late">();
  const lateIn = (ms: number) => setTimeout(() => late.resolve("late"), ms);
  let timer = lateIn(LIMIT);
  let trouble: string | undefined;
  const lines = splitLines(output);
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), late.promise]);
      if (next === "late" || next.done) return { isReady: false, trouble };
      if (next.value === READY) return { isReady: true, trouble };
      if (!next.value.startsWith(TROUBLE)) continue;
      if (trouble === undefined) {
        clearTimeout(timer);
        timer = lateIn(TROUBLE_LIMIT);
      }
      trouble = next.value.slice(TROUBLE.length);
    }
  } finally {
    clearTimeout(timer);
    void lines.return(undefined).catch(() => {}); // where one is awaited, it ends with the process
  }
}
