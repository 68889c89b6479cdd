import { sleep } from "../backoff.ts";
import type { Ledger } from "../contract/ledger.ts";
import { parseLedger, printLedger } from "../contract/ledger_text.ts";
import { messageOf } from "../user_error.ts";
import { writeWholeFile } from "../write_whole_file.ts";

/** How long to wait for more before writing, in ms: Nodes change in bursts. */
const GATHER = 1_000;

/**
 * The ledger of holders on disk. A convenience: where it cannot be read it is rebuilt from the
 * interface, where it cannot be written the tunnel goes on.
 */
export class LedgerFile {
  readonly #path: string;
  readonly #onTrouble: (text: string | undefined) => void;
  #written: string | undefined;
  #wanted: Ledger | undefined;
  #writing: Promise<void> | undefined;
  readonly #hurry = new AbortController();

  /**
   * @param folder the state directory; made if it is missing.
   * @param onTrouble told what is wrong, and undefined when nothing is any more.
   */
  constructor(folder: string, onTrouble: (text: string | undefined) => void) {
    this.#path = `${folder}/ledger.json`;
    this.#onTrouble = onTrouble;
  }

  /** The ledger that was last saved; undefined if there is none that can be read. */
  async read(): Promise<Ledger | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      this.#onTrouble(`cannot be read, so the interface tells who holds what: ${messageOf(error)}`);
      return undefined;
    }
    const ledger = parseLedger(text);
    if (ledger) this.#written = text;
    else {
      this.#onTrouble(`${this.#path} is no ledger, so the interface tells who holds what`);
    }
    return ledger;
  }

  /** Writes the ledger if it has changed: a moment later, and off the loop, as a disk can be slow. */
  save(ledger: Ledger): void {
    this.#wanted = ledger;
    this.#writing ??= this.#write();
  }

  /** Ends when the ledger last given is on disk, or cannot be written. From now on nothing waits. */
  async settled(): Promise<void> {
    this.#hurry.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    await sleep(GATHER, this.#hurry.signal);
    try {
      while (this.#wanted) {
        const text = printLedger(this.#wanted);
        this.#wanted = undefined;
        if (text === this.#written) continue;
        await writeWholeFile(this.#path, text, { mode: 0o600 });
        this.#written = text;
      }
      this.#onTrouble(undefined);
    } catch (error) {
      this.#onTrouble(
        `cannot be written, so a restart will ask the interface who holds what: ${
          messageOf(error)
        }`,
      );
    } finally {
      this.#writing = undefined;
    }
  }
}
