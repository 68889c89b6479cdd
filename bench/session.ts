import type { LabHost } from "../tests/lab/lab_host.ts";
import type { LabProcess } from "../tests/lab/lab_process.ts";

/** What a way of configuring is asked for; rivals/session/session.go has the same. */
export interface SessionRequest {
  readonly op: "keep" | "fill" | "add" | "change" | "remove" | "routes";
  readonly from?: number;
  readonly count?: number;
  /** Peers a message, of a fill; 0 leaves it to the program. */
  readonly batch?: number;
  /** Each peer with a network of its own, besides its address. */
  readonly wide?: boolean;
  readonly key?: string;
  readonly prefix?: string;
}

/** Milliseconds: of the wall for each step, of the processor for all of them. */
export interface SessionAnswer {
  readonly wallMs: readonly number[];
  readonly cpuMs: number;
  readonly error?: string;
}

/** A program in a host that configures `wg0` there in its own way, one request at a time. */
export class Session implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async open(host: LabHost, [program, ...args]: readonly string[]): Promise<Session> {
    const process = host.spawn(program!, args, { input: true, env: { NO_COLOR: "1" } });
    try {
      await process.waitForLine(/^ready$/);
      return new Session(process);
    } catch (thrown) {
      await process[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** @throws {Error} if the program fails at it, or is at it for more than two minutes. */
  async ask(request: SessionRequest): Promise<SessionAnswer> {
    const from = this.#process.output.length;
    await this.#process.write(`${JSON.stringify(request)}\n`);
    const [line] = await this.#process.waitForLine(/^\{.*\}$/, 120_000, from);
    const answer = JSON.parse(line) as SessionAnswer;
    if (answer.error) throw new Error(`${JSON.stringify(request)}: ${answer.error}`);
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}
