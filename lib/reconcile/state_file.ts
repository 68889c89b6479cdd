import { sleep } from "../backoff.ts";
import { messageOf } from "../user_error.ts";
import { writeWholeFile } from "../write_whole_file.ts";

/** What a {@linkcode StateFile} holds, and how. */
export interface StateFileParts<Value> {
  readonly path: string;
  /** The same text for the same value. */
  print(value: Value): string;
  /** Undefined for anything that was not printed by that. */
  parse(text: string): Value | undefined;
  /** What is done without it, for the messages: one clause. */
  readonly otherwise: string;
  /** Told what is wrong, and undefined when nothing is any more. */
  onTrouble(text: string | undefined): void;
}

/** How long to wait for more before writing, in ms: Nodes change in bursts. */
const GATHER = 1_000;

/**
 * Something that is better remembered over a restart, on disk. A convenience: where it can be
 * neither read nor written, that is told and the tunnel goes on.
 */
export class StateFile<Value> {
  readonly #parts: StateFileParts<Value>;
  #written: string | undefined;
  #wanted: Value | undefined;
  #writing: Promise<void> | undefined;
  readonly #hurry = new AbortController();

  constructor(parts: StateFileParts<Value>) {
    this.#parts = parts;
  }

  /** What was last saved; undefined if there is nothing that can be read. */
  async read(): Promise<Value | undefined> {
    const { path, parse, otherwise, onTrouble } = this.#parts;
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      onTrouble(`${path} cannot be read: ${otherwise} (${messageOf(error)})`);
      return undefined;
    }
    const value = parse(text);
    if (value !== undefined) this.#written = text;
    else onTrouble(`${path} is not what it should be: ${otherwise}`);
    return value;
  }

  /** Writes it if it has changed: a moment later, and off the loop, as a disk can be slow. */
  save(value: Value): void {
    this.#wanted = value;
    this.#writing ??= this.#write();
  }

  /** Ends when what was last given is on disk, or cannot be written. From now on nothing waits. */
  async settled(): Promise<void> {
    this.#hurry.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { path, print, otherwise, onTrouble } = this.#parts;
    await sleep(GATHER, this.#hurry.signal);
    try {
      while (this.#wanted !== undefined) {
        const text = print(this.#wanted);
        this.#wanted = undefined;
        if (text === this.#written) continue;
        await writeWholeFile(path, text, { mode: 0o600 });
        this.#written = text;
      }
      onTrouble(undefined);
    } catch (error) {
      onTrouble(`${path} cannot be written: after a restart ${otherwise} (${messageOf(error)})`);
    } finally {
      this.#writing = undefined;
    }
  }
}
