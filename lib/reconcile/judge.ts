import { admit, type Judgement, type LocalFacts } from "../contract/admission.ts";
import type { Claim } from "../contract/claim.ts";
import type { Ledger } from "../contract/ledger.ts";
import { firstLedger } from "../contract/rebuild_ledger.ts";
import type { Device } from "../wireguard/device.ts";
import { LedgerFile } from "./ledger_file.ts";

/** The parts of a {@linkcode Judge}. */
export interface JudgeParts {
  /** The folder in which the ledger is kept. */
  readonly stateDir: string;
  /** Told what is wrong with that, and undefined when nothing is any more. */
  onTrouble(text: string | undefined): void;
  /** The interface as it was when the program began. */
  readonly found: Device | undefined;
  /** How long what a Node held is kept for it after it has gone, in ms. */
  readonly holdMs: number;
  /** Milliseconds since 1970; default: Date.now. */
  readonly now?: () => number;
}

/** Judges claims again and again, each time knowing who held what before, also before a restart. */
export class Judge {
  readonly #parts: Required<JudgeParts>;
  readonly #file: LedgerFile;
  readonly #saved: Ledger | undefined;
  #judgement: Judgement | undefined;

  private constructor(parts: JudgeParts, file: LedgerFile, saved: Ledger | undefined) {
    this.#parts = { now: Date.now, ...parts };
    this.#file = file;
    this.#saved = saved;
  }

  /** Reads who held what when the last program ended. */
  static async open(parts: JudgeParts): Promise<Judge> {
    const file = new LedgerFile(parts.stateDir, (text) => parts.onTrouble(text));
    return new Judge(parts, file, await file.read());
  }

  /** Judges the claims of all Nodes, and keeps who holds what. */
  judge(claims: readonly Claim[], facts: LocalFacts): Judgement {
    const { found, holdMs, now } = this.#parts;
    const before = this.#judgement?.ledger ?? firstLedger(this.#saved, found, claims);
    this.#judgement = admit(claims, facts, before, { now: now(), holdMs });
    this.#file.save(this.#judgement.ledger);
    return this.#judgement;
  }

  /** Ends when who holds what is on disk, or cannot be written. */
  settled(): Promise<void> {
    return this.#file.settled();
  }
}
