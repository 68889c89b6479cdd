import type { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { pause } from "./pause.ts";

export interface TrafficOptions {
  readonly from: LabHost;
  readonly to: LabHost;
  /** Address of `to` that the datagrams go to. */
  readonly address: string;
  readonly port?: number;
  /** Datagrams a second, 300 unless told: user-mode Linux bears that without loss of its own. */
  readonly rate?: number;
}

/** What the sender says in the end. */
export interface SenderReport {
  /** When each datagram left, in ms since 1970. */
  readonly sent: readonly number[];
  /** How many of them the kernel refused to send (no route, no peer). */
  readonly refused: number;
}

/** What the receiver says in the end. */
export interface ReceiverReport {
  /** When each datagram came first, by its number, in ms since 1970; null: not at all. */
  readonly arrived: readonly (number | null)[];
  readonly duplicated: number;
}

/** All that is known of a flow of datagrams. */
export type Flow = SenderReport & ReceiverReport;

/** A flow in numbers. */
export interface TrafficResult {
  readonly sent: number;
  readonly refused: number;
  readonly received: number;
  readonly duplicated: number;
  readonly lost: number;
  readonly longestGapMs: number;
}

/** How long the last datagrams may be under way. */
const GRACE_MS = 500;

/** What happens may be quick: then the traffic goes on for so long all the same. */
const SHORTEST_MS = 3000;

/** Numbered datagrams from one host to another, from now on. */
export class Traffic implements AsyncDisposable {
  readonly #receiver: LabProcess;
  readonly #sender: LabProcess;

  private constructor(receiver: LabProcess, sender: LabProcess) {
    this.#receiver = receiver;
    this.#sender = sender;
  }

  static async start(
    { from, to, address, port = 9000, rate = 300 }: TrafficOptions,
  ): Promise<Traffic> {
    await using parts = new AsyncDisposableStack();
    const program = new URL("traffic_program.ts", import.meta.url).pathname;
    const deno = ["run", "--no-config", "--no-check", "--unstable-net", "-A", program];
    const start = async (host: LabHost, ...args: readonly string[]) => {
      const options = { input: true, env: { NO_COLOR: "1" } };
      const end = parts.use(host.spawn(Deno.execPath(), [...deno, ...args], options));
      await end.waitForLine(/^ready$/);
      return end;
    };
    const receiver = await start(to, "receive", address, `${port}`);
    const sender = await start(from, "send", address, `${port}`, `${rate}`);
    parts.move();
    return new Traffic(receiver, sender);
  }

  /** Ends it, and tells what became of each datagram. */
  async end(): Promise<Flow> {
    await this.#sender.closeInput();
    const sent = report<SenderReport>(await this.#sender.waitForLine(/^\{.*\}$/));
    await pause(GRACE_MS);
    await this.#receiver.closeInput();
    const arrived = report<ReceiverReport>(await this.#receiver.waitForLine(/^\{.*\}$/));
    return { ...sent, ...arrived };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sender[Symbol.asyncDispose]();
    await this.#receiver[Symbol.asyncDispose]();
  }
}

/**
 * Sends numbered datagrams from one host to another while something happens, and counts them. A
 * control run is the same with nothing but a wait. `longestGapMs` is between arrivals, so an outage
 * at the very end shows in `lost` only.
 */
export async function measureTraffic(
  options: TrafficOptions,
  during: () => Promise<unknown>,
): Promise<TrafficResult> {
  await using traffic = await Traffic.start(options);
  await Promise.all([during(), pause(SHORTEST_MS)]);
  return resultOf(await traffic.end());
}

function resultOf({ sent, refused, arrived, duplicated }: Flow): TrafficResult {
  const arrivals = arrived.filter((at) => at !== null).sort((a, b) => a - b);
  const gaps = arrivals.slice(1).map((at, before) => at - arrivals[before]!);
  return {
    sent: sent.length,
    refused,
    received: arrivals.length,
    duplicated,
    lost: sent.length - arrivals.length,
    longestGapMs: Math.round(gaps.reduce((longest, gap) => Math.max(longest, gap), 0)),
  };
}

function report<T>([line]: RegExpExecArray): T {
  return JSON.parse(line) as T;
}
