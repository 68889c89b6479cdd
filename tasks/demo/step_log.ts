/** What a {@linkcode StepLog} is given of the world. */
export interface StepLogOptions {
  /** Writes text to the person who watches. */
  readonly write: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When the whole began, by the same clock. */
  readonly begin: number;
  /** Whether the reader is a terminal that shows colours. */
  readonly colour: boolean;
}

/** The colours that are used: parameters of the SGR control sequence (ECMA-48). */
const SGR = { faint: "2", bold: "1", good: "32", bad: "31" } as const;

/** Tells a person what happens: one line a step, with the seconds since the beginning. */
export class StepLog {
  readonly #options: StepLogOptions;

  constructor(options: StepLogOptions) {
    this.#options = options;
  }

  /** A step that begins, or a fact that was found. */
  step(text: string): void {
    this.#line(text);
  }

  /** Something that was proved. */
  good(text: string): void {
    this.#line(this.#painted("good", text));
  }

  /** Why the demo fails. */
  bad(text: string): void {
    this.#line(this.#painted("bad", text));
  }

  /** Lines that belong to the step before, indented. */
  block(lines: readonly string[]): void {
    const [head = "", ...rest] = lines;
    const painted = [this.#painted("bold", head), ...rest];
    this.#options.write(`\n${painted.map((line) => `    ${line}\n`).join("")}\n`);
  }

  /** Text as it is, such as the log of a program. */
  raw(text: string): void {
    this.#options.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  #line(text: string): void {
    const { now, begin } = this.#options;
    const seconds = ((now() - begin) / 1000).toFixed(1).padStart(5);
    this.#options.write(`${this.#painted("faint", `${seconds} s`)}  ${text}\n`);
  }

  #painted(colour: keyof typeof SGR, text: string): string {
    return this.#options.colour ? `\x1b[${SGR[colour]}m${text}\x1b[0m` : text;
  }
}
