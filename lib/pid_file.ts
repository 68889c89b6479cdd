import { messageOf, UserError } from "./user_error.ts";

/**
 * The file that names the process in the background. Its process holds a lock on it (flock(2)), which
 * the kernel lets go however the process ends: so what a crash has left is told from one that runs.
 */
export class PidFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /** The process that has it; undefined if none runs, whatever the file says. */
  static async holder(path: string): Promise<number | undefined> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new UserError(`the pid file ${path} cannot be read: ${messageOf(error)}`);
    }
    try {
      if (await file.tryLock(true)) return undefined;
      return Number(await Deno.readTextFile(path)) || undefined;
    } finally {
      file.close();
    }
  }

  /** @throws {UserError} if another process has it, or it cannot be written. */
  static async take(path: string, pid: number): Promise<PidFile> {
    let file: Deno.FsFile | undefined;
    try {
      file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o644 });
      if (await file.tryLock(true)) {
        await file.truncate();
        await file.write(new TextEncoder().encode(`${pid}\n`));
        return new PidFile(path, file);
      }
    } catch (error) {
      file?.close();
      throw new UserError(`the pid file ${path} cannot be written: ${messageOf(error)}`);
    }
    file.close();
    const holder = (await Deno.readTextFile(path).catch(() => "")).trim();
    throw new UserError(
      `a spoke runs in the background already (process ${holder}, ${path}): end that one first`,
    );
  }

  /** Takes the file away. */
  [Symbol.dispose](): void {
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Somebody has done that before: it is gone, as it should be.
    }
    this.#file.close();
  }
}
