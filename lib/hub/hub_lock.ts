import { sleep } from "../backoff.ts";
import { messageOf } from "../user_error.ts";

/** What a hub says about its lock: why it cannot be had, or undefined when it can. */
export type OnLock = (trouble: string | undefined) => void;

/** How often a lock that another holds is tried, in ms. */
const TRY_EVERY = 1_000;

/**
 * The lock of the one hub of a node: flock(2) of a file in the state directory, which the kernel lets
 * go when the process ends, however it ends. A folder in which there can be no file is no reason not
 * to run: it is said, and nothing is locked.
 */
export class HubLock implements Disposable {
  readonly #file: Deno.FsFile | undefined;

  private constructor(file: Deno.FsFile | undefined) {
    this.#file = file;
  }

  /** Waits until the lock is ours. Undefined if the signal came first. */
  static async wait(
    folder: string,
    onLock: OnLock,
    signal: AbortSignal,
  ): Promise<HubLock | undefined> {
    while (!signal.aborted) {
      const lock = await HubLock.try(folder, onLock);
      if (lock) {
        if (lock.#file) onLock(undefined);
        return lock;
      }
      onLock("another hub runs on this node: waiting until it has ended");
      await sleep(TRY_EVERY, signal);
    }
    return undefined;
  }

  /** The lock, if no other process holds it. */
  static async try(folder: string, onLock: OnLock): Promise<HubLock | undefined> {
    let file: Deno.FsFile | undefined;
    try {
      await Deno.mkdir(folder, { recursive: true, mode: 0o755 });
      file = await Deno.open(`${folder}/hub.lock`, { create: true, write: true, mode: 0o600 });
      if (await file.tryLock(true)) return new HubLock(file);
    } catch (error) {
      file?.close();
      onLock(`cannot lock ${folder}/hub.lock, so a second hub would not wait: ${messageOf(error)}`);
      return new HubLock(undefined);
    }
    file.close();
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }
}
