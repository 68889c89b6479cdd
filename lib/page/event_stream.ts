import { sleep } from "../backoff.ts";

/** What an {@linkcode EventStreams} needs. */
export interface EventSource<State> {
  /** What is shown now. May be asked by many at once. */
  read(): Promise<State>;
  /** What somebody is to be told who was shown that before (undefined: nothing yet); undefined: nothing. */
  tell(shown: State | undefined, now: State): unknown;
  /** Between two looks, in ms. */
  readonly everyMs: number;
  /** Ends all streams. */
  readonly signal: AbortSignal;
}

/** So many listen at a time: each costs a look at all peers, and a connection. */
export const MOST_LISTENERS = 16;

/**
 * Server-sent events (WHATWG HTML, section 9.2): whoever listens is told what has changed since he
 * was told last. One who reads slowly is told less often, and nothing is kept for him.
 */
export class EventStreams<State> {
  readonly #source: EventSource<State>;
  #listeners = 0;

  constructor(source: EventSource<State>) {
    this.#source = source;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners;
  }

  /** A stream for one more; undefined if there are as many as may be. It ends with the signal. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#listeners >= MOST_LISTENERS) return undefined;
    this.#listeners++;
    const { read, tell, everyMs, signal } = this.#source;
    const gone = new AbortController();
    const over = AbortSignal.any([signal, gone.signal]);
    const encoder = new TextEncoder();
    let shown: State | undefined;
    let begun = false;
    const close = () => {
      if (gone.signal.aborted) return;
      gone.abort();
      this.#listeners--;
    };
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      // Called when there is room: so nothing piles up for one who does not read.
      pull: async (controller) => {
        if (begun) await sleep(everyMs, over);
        begun = true;
        const now = over.aborted ? undefined : await read().catch(() => undefined);
        if (over.aborted) {
          if (!gone.signal.aborted) controller.close();
          close();
          return;
        }
        const told = now === undefined ? undefined : tell(shown, now);
        shown = now ?? shown;
        // A comment when there is nothing to tell: it shows whether the listener is still there.
        const text = told === undefined ? ":\n\n" : `data: ${JSON.stringify(told)}\n\n`;
        controller.enqueue(encoder.encode(text));
      },
      cancel: close,
    });
  }
}
