/** What takes the lines that are worth saying: a method of a logger. */
export type Say = (text: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Says a lasting trouble once: when it begins, when it changes and when it is over, however often
 * the loop meets it.
 *
 * ```ts
 * const once = new OnceLog(log.warning.bind(log), log.info.bind(log));
 * once.say("api", "the API server does not answer", { server }); // a line
 * once.say("api", "the API server does not answer", { server }); // none
 * once.clear("api", "the API server answers again"); // a line
 * ```
 */
export class OnceLog {
  readonly #trouble: Say;
  readonly #recovery: Say;
  readonly #said = new Map<string, string>();

  /**
   * @param trouble takes the lines of {@linkcode OnceLog.say}.
   * @param recovery takes those of {@linkcode OnceLog.clear}.
   */
  constructor(trouble: Say, recovery: Say) {
    this.#trouble = trouble;
    this.#recovery = recovery;
  }

  /**
   * Says it, unless the same text and fields were the last said under this key.
   *
   * @param fields what is compared, too: no counters, no times.
   * @returns whether it was said.
   */
  say(key: string, text: string, fields: Readonly<Record<string, unknown>> = {}): boolean {
    const line = JSON.stringify([text, fields]);
    if (this.#said.get(key) === line) return false;
    this.#said.set(key, line);
    this.#trouble(text, fields);
    return true;
  }

  /**
   * The trouble of this key is over: says so, if it was said to be there.
   *
   * @param text what to say; without it the key is forgotten silently (its Node is gone, say).
   * @returns whether there was something to be over.
   */
  clear(key: string, text?: string, fields: Readonly<Record<string, unknown>> = {}): boolean {
    const had = this.#said.delete(key);
    if (had && text !== undefined) this.#recovery(text, fields);
    return had;
  }

  /** The keys whose trouble lasts. */
  keys(): string[] {
    return [...this.#said.keys()];
  }
}
