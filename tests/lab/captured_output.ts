/** What a process prints. */
export class CapturedOutput {
  text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #end: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    this.#end = this.#read();
  }

  /** Resolves at its end; after that long, in ms, also without: who was left behind may hold it open. */
  async end(limitMs: number): Promise<void> {
    const timer = setTimeout(() => void this.#reader.cancel(), limitMs);
    await this.#end;
    clearTimeout(timer);
  }

  async #read(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      this.text += value;
    }
  }
}
