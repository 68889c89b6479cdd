import { LockFile } from "./lock_file.ts";
import { messageOf, UserError } from "./user_error.ts";

/** Where the process in the background says which it is. */
export const PID_FILE = "/var/run/wg-spoke.pid";

/** The process in the background; undefined if none runs, whatever the file says. */
export async function backgroundProcess(): Promise<number | undefined> {
  try {
    return Number(await LockFile.holder(PID_FILE)) || undefined;
  } catch (error) {
    throw new UserError(`the pid file ${PID_FILE} cannot be read: ${messageOf(error)}`);
  }
}

/**
 * Writes which process is the one in the background.
 *
 * @returns the file, which is taken away when it is disposed of.
 * @throws {UserError} if another one runs, or it cannot be written.
 */
export async function takePidFile(pid: number): Promise<Disposable> {
  let file: LockFile | undefined;
  try {
    file = await LockFile.take(PID_FILE, `${pid}\n`);
  } catch (error) {
    throw new UserError(`the pid file ${PID_FILE} cannot be written: ${messageOf(error)}`);
  }
  if (file) return file;
  const holder = (await Deno.readTextFile(PID_FILE).catch(() => "")).trim();
  throw new UserError(
    `a spoke runs in the background already (process ${holder}, ${PID_FILE}): end that one first`,
  );
}
