import { LockFile } from "../lock_file.ts";
import { messageOf, UserError } from "../user_error.ts";

/** The spoke of an interface that runs. */
export interface RunningSpoke {
  readonly pid: number;
  /** Whether systemd started it, and would start it again. */
  readonly isService: boolean;
}

/** Where the lock is: the one folder under /run that the systemd unit may write to. */
const FOLDER = "/var/run/wireguard";
const ENDING = ".spoke";
const SERVICE = "service";

/** The spoke that runs on an interface, in whatever way; undefined if none does. */
export async function runningSpoke(interfaceName: string): Promise<RunningSpoke | undefined> {
  const text = await LockFile.holder(fileOf(interfaceName)).catch(() => undefined);
  const [pid, kind] = (text ?? "").trim().split(" ");
  return Number(pid) > 0 ? { pid: Number(pid), isService: kind === SERVICE } : undefined;
}

/** Whether that process is the spoke of another interface than this one. */
export async function isSpokeOfAnother(pid: number, interfaceName: string): Promise<boolean> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(FOLDER)) {
      if (name.endsWith(ENDING)) names.push(name.slice(0, -ENDING.length));
    }
  } catch {
    return false; // where there is no folder, nobody holds a lock
  }
  for (const name of names) {
    if (name !== interfaceName && (await runningSpoke(name))?.pid === pid) return true;
  }
  return false;
}

/**
 * Makes sure that one spoke runs on an interface: two would undo each other's work.
 *
 * @param onTrouble told why there can be no lock: that is no reason not to run.
 * @throws {UserError} if another one runs.
 */
export async function lockSpoke(
  interfaceName: string,
  { pid, isService }: RunningSpoke,
  onTrouble: (reason: string) => void,
): Promise<Disposable | undefined> {
  const file = fileOf(interfaceName);
  let lock: LockFile | undefined;
  try {
    await Deno.mkdir(FOLDER, { recursive: true, mode: 0o755 });
    lock = await LockFile.take(file, `${pid} ${isService ? SERVICE : "program"}\n`);
  } catch (error) {
    onTrouble(messageOf(error));
    return undefined;
  }
  if (lock) return lock;
  const running = await runningSpoke(interfaceName);
  throw new UserError(
    `a spoke runs on ${interfaceName} already (process ${running?.pid ?? "unknown"}): ` +
      `end that one first${running?.isService ? ", by systemctl stop wg-spoke" : ""}`,
  );
}

function fileOf(interfaceName: string): string {
  return `${FOLDER}/${interfaceName}${ENDING}`;
}
