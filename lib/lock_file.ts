import { sleep } from "./backoff.ts";

/** How often a lock is tried, and how long after the last time, in ms. */
const TRIES = 5;
const TRY_EVERY = 50;
const NEVER = new AbortController().signal;

/**
 * A file that names the process that holds it. Its process holds a lock on it (flock(2)), which the
 * kernel lets go however the process ends: so what a crash has left is told from what runs.
 */
export class LockFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * What the process that holds the file has written; undefined if none does, whatever the file says.
   * It looks by a lock that others may share, so that two who look see nothing of each other.
   *
   * @throws {Deno.errors} if it cannot be read.
   */
  static async holder(path: string): Promise<string | undefined> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true, write: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    try {
      return await file.tryLock(false) ? undefined : await Deno.readTextFile(path);
    } finally {
      file.close();
    }
  }

  /**
   * Takes the file and writes the text to it. It is made if it is missing, its folder is not.
   *
   * @returns undefined if another process holds it.
   * @throws {Deno.errors} if it cannot be written.
   */
  static async take(path: string, text: string): Promise<LockFile | undefined> {
    const file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o644 });
    try {
      if (await lockSoon(file)) {
        await file.truncate();
        await file.write(new TextEncoder().encode(text));
        return new LockFile(path, file);
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return undefined;
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

/** Somebody who only looks has the file for a moment: not the first refusal tells that it is held. */
async function lockSoon(file: Deno.FsFile): Promise<boolean> {
  for (let tried = 1; !await file.tryLock(true); tried++) {
    if (tried === TRIES) return false;
    await sleep(TRY_EVERY, NEVER);
  }
  return true;
}
