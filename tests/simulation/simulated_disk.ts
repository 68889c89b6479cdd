import type { SimulatedProcess } from "./simulated_process.ts";

/** A machine's files, by their paths without the first `/`. They outlive processes and reboots. */
export type Files = Map<string, string>;

/** A file was written, or a draft of it. */
export type OnWrite = (path: string, mode: number, text: string) => void;

interface View {
  readonly process: SimulatedProcess;
  readonly disk: SimulatedDisk;
}

/** A machine's disk, and whether it takes anything at present. */
export class SimulatedDisk {
  readonly files: Files = new Map();
  isFull = false;
}

/**
 * The disks of all machines. While it is installed, the functions of Deno that the programs use for
 * files are its own. Each process has its view, a path that begins with its id: so it is known who
 * asks, and that one who was killed asks in vain.
 */
export class SimulatedDisks implements Disposable {
  readonly #views = new Map<string, View>();
  readonly #onWrite: OnWrite;
  readonly #restore: () => void;

  constructor(onWrite: OnWrite) {
    this.#onWrite = onWrite;
    const { readTextFile, mkdir, open, rename, link, remove } = Deno;
    this.#restore = () => Object.assign(Deno, { readTextFile, mkdir, open, rename, link, remove });
    const own = {
      readTextFile: (path: string) => this.#settle(path, (view, name) => read(view, name)),
      mkdir: (path: string) => this.#settle(path, () => {}),
      open: (path: string, { mode }: { mode: number }) =>
        this.#settle(path, () => this.#open(path, mode)),
      rename: (from: string, to: string) => this.#move(from, to, true),
      link: (from: string, to: string) => this.#move(from, to, false),
      remove: (path: string) =>
        this.#settle(path, (view, name) => {
          read(view, name);
          view.disk.files.delete(name);
        }),
    };
    Object.assign(Deno, own);
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  /** Gives a process its view of a disk. @returns the path that it begins with. */
  mount(process: SimulatedProcess, disk: SimulatedDisk): string {
    this.#views.set(process.id, { process, disk });
    return `/${process.id}`;
  }

  /** One step of the process whose path it is. Rejects as Deno's own functions do. */
  async #settle<T>(path: string, act: (view: View, name: string) => T): Promise<T> {
    const slash = path.indexOf("/", 1);
    const view = this.#views.get(path.slice(1, slash));
    if (!view) throw new Deno.errors.NotFound(`no such file: ${path}`);
    view.process.step();
    return await act(view, path.slice(slash + 1));
  }

  #move(from: string, to: string, replaces: boolean): Promise<void> {
    return this.#settle(from, ({ disk }, name) => {
      const target = to.slice(to.indexOf("/", 1) + 1);
      if (!replaces && disk.files.has(target)) throw new Deno.errors.AlreadyExists(to);
      disk.files.set(target, disk.files.get(name)!);
      if (replaces) disk.files.delete(name);
    });
  }

  #open(path: string, mode: number): Partial<Deno.FsFile> {
    const write = (bytes: Uint8Array) =>
      this.#settle(path, ({ disk }, name) => {
        if (disk.isFull) throw new Error("No space left on device (os error 28)");
        const text = (disk.files.get(name) ?? "") + new TextDecoder().decode(bytes);
        disk.files.set(name, text);
        this.#onWrite(name, mode, text);
        return bytes.length;
      });
    return { write, syncData: () => this.#settle(path, () => {}), [Symbol.dispose]: () => {} };
  }
}

function read({ disk }: View, name: string): string {
  const text = disk.files.get(name);
  if (text === undefined) throw new Deno.errors.NotFound(`no such file: ${name}`);
  return text;
}
