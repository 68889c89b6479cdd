/** Something that the program has done or met, as the log tells it. */
export interface DiaryEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly level: "info" | "warning";
  /** A constant text of ours. */
  readonly text: string;
  /** Names of ours with their values, cut where they are long. What others said is in them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** What a {@linkcode Diary} still knows. */
export interface DiaryPages {
  /** The newest first. */
  readonly entries: readonly DiaryEntry[];
  /** How many of the last hour it had no room for. */
  readonly dropped: number;
}

/** How long an entry is kept, in ms, and how many are at most: a few hundred bytes each. */
const KEPT = 3_600_000;
const MOST = 200;
/** How many characters of a value, and how many fields, are kept. */
const LONGEST = 200;
const FIELDS = 8;

/** What the program has done in the last hour, in a bounded room: the oldest go first. */
export class Diary {
  readonly #now: () => number;
  #entries: DiaryEntry[] = [];
  /** When those were written that there was no room for. */
  #dropped: number[] = [];

  /** @param now milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Writes down what the log says. Values that are undefined are left out, as there. */
  write(
    level: DiaryEntry["level"],
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const printed = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .slice(0, FIELDS)
      .map(([name, value]) => [name, cut(String(value))] as const);
    this.#entries.push({ at: this.#now(), level, text, fields: printed });
    this.#forget();
  }

  /** What there is of the last hour. */
  read(): DiaryPages {
    this.#forget();
    return { entries: this.#entries.toReversed(), dropped: this.#dropped.length };
  }

  #forget(): void {
    const from = this.#now() - KEPT;
    this.#dropped.push(...this.#entries.splice(0, this.#entries.length - MOST).map(({ at }) => at));
    // One that is bounded, too: what is not told need not be counted without end.
    this.#dropped = this.#dropped.slice(-MOST * 5).filter((at) => at >= from);
    this.#entries = this.#entries.filter(({ at }) => at >= from);
  }
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
