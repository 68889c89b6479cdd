import type { LabHost } from "../tests/lab/lab_host.ts";
import type { LabProcess } from "../tests/lab/lab_process.ts";
import type { Flow } from "./report/flow.ts";
import { denoCommand } from "./ways.ts";

/** Datagrams a second: user-mode Linux bears that without loss of its own. */
const RATE = 300;
const PORT = 9000;

/** Who sends to whom. */
export interface FlowOptions {
  readonly from: LabHost;
  readonly to: LabHost;
  /** The address of `to`. */
  readonly address: string;
  /** Where both write what they have seen. */
  readonly folder: string;
}

/** A flow of datagrams from one host to another, while things happen. */
export class RunningFlow implements AsyncDisposable {
  readonly #ends: readonly LabProcess[];
  readonly #files: readonly string[];

  private constructor(ends: readonly LabProcess[], files: readonly string[]) {
    this.#ends = ends;
    this.#files = files;
  }

  static async start({ from, to, address, folder }: FlowOptions): Promise<RunningFlow> {
    const name = `${folder}/${crypto.randomUUID()}`;
    const files = [`${name}.arrived`, `${name}.sent`];
    const start = async (host: LabHost, ...args: readonly string[]) => {
      const [program, ...rest] = denoCommand("flow_end.ts", ...args);
      const end = host.spawn(program!, rest, { input: true, env: { NO_COLOR: "1" } });
      await end.waitForLine(/^ready$/);
      return end;
    };
    const receiver = await start(to, "receive", address, `${PORT}`, files[0]!);
    const sender = await start(from, "send", address, `${PORT}`, files[1]!, `${RATE}`);
    return new RunningFlow([sender, receiver], files);
  }

  /** Ends it, and tells what became of each datagram. */
  async end(): Promise<Flow> {
    for (const end of this.#ends) {
      await end.closeInput();
      await end.waitForLine(/^written$/);
    }
    const [arrived, sent] = await Promise.all(this.#files.map((file) => Deno.readTextFile(file)));
    const arrivals = JSON.parse(arrived!) as (number | null)[];
    return { sent: JSON.parse(sent!) as number[], arrived: arrivals.map((at) => at ?? undefined) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) await end[Symbol.asyncDispose]();
  }
}
