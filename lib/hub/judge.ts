import type { Judgement } from "../contract/admission.ts";
import type { LocalFacts } from "../contract/local_facts.ts";
import type { Claim } from "../contract/claim.ts";
import { EMPTY_LEDGER, type Ledger } from "../contract/ledger.ts";
import { firstLedger } from "../contract/rebuild_ledger.ts";
import { RepeatedAdmission } from "../contract/repeated_admission.ts";
import type { Device } from "../wireguard/device.ts";
import { LedgerFile } from "./ledger_file.ts";

/** The options of a hub that say what is kept for whom. */
export interface JudgeOptions {
  /** The folder in which it is written down who holds what. */
  readonly stateDir: string;
  /** How long what a Node held is kept for it after it has gone, in seconds. */
  readonly claimHold: number;
}

/** Judges claims again and again, each time knowing who held what before, also before a restart. */
export class Judge {
  readonly #holdMs: number;
  readonly #file: LedgerFile;
  readonly #saved: Ledger | undefined;
  readonly #found: Device | undefined;
  readonly #admission = new RepeatedAdmission();
  #judgement: Judgement | undefined;

  private constructor(
    holdMs: number,
    file: LedgerFile,
    saved: Ledger | undefined,
    found: Device | undefined,
  ) {
    this.#holdMs = holdMs;
    this.#file = file;
    this.#saved = saved;
    this.#found = found;
  }

  /**
   * Reads who held what when the last program ended.
   *
   * @param found the interface as it was when this one began: it tells what was not written down.
   * @param onTrouble told why that can be neither read nor written, undefined when it can again.
   */
  static async open(
    { stateDir, claimHold }: JudgeOptions,
    found: Device | undefined,
    onTrouble: (text: string | undefined) => void,
  ): Promise<Judge> {
    const file = new LedgerFile(stateDir, onTrouble);
    return new Judge(claimHold * 1000, file, await file.read(), found);
  }

  /**
   * Judges the claims of all Nodes, and keeps who holds what.
   *
   * @param now milliseconds since 1970.
   */
  judge(claims: readonly Claim[], facts: LocalFacts, now: number): Judgement {
    const before = this.#judgement?.ledger ?? firstLedger(this.#saved, this.#found, claims);
    const hold = { now, holdMs: this.#holdMs };
    this.#judgement = this.#admission.admit(claims, facts, before, hold);
    this.#file.save(this.#judgement.ledger);
    return this.#judgement;
  }

  /** What members have, as far as is known: before the first judgement, what they had before that program. */
  get asMembers(): Ledger["asMembers"] {
    return (this.#judgement?.ledger ?? this.#saved ?? EMPTY_LEDGER).asMembers;
  }

  /** Ends when who holds what is on disk, or cannot be written. */
  settled(): Promise<void> {
    return this.#file.settled();
  }
}
