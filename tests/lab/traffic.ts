import type { LabHost } from "./lab_host.ts";
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
  readonly sent: number;
  /** Of those, the ones that the kernel refused to send (no route, no peer). */
  readonly refused: number;
}

/** What the receiver says in the end. */
export interface ReceiverReport {
  readonly received: number;
  readonly duplicated: number;
  readonly longestGapMs: number;
}

export interface TrafficResult extends SenderReport, ReceiverReport {
  readonly lost: number;
}

/** How long the last datagrams may be under way. */
const GRACE_MS = 500;

/** What happens may be quick: then the traffic goes on for so long all the same. */
const SHORTEST_MS = 3000;

/**
 * Sends numbered datagrams from one host to another while something happens, and counts them. A
 * control run is the same with nothing but a wait. `longestGapMs` is between arrivals, so an outage
 * at the very end shows in `lost` only.
 */
export async function measureTraffic(
  { from, to, address, port = 9000, rate = 300 }: TrafficOptions,
  during: () => Promise<unknown>,
): Promise<TrafficResult> {
  const program = new URL("traffic_program.ts", import.meta.url).pathname;
  const deno = [
    Deno.execPath(),
    "run",
    "--no-config",
    "--no-check",
    "--unstable-net",
    "-A",
    program,
  ];
  const [command, ...args] = deno;
  const options = { input: true, env: { NO_COLOR: "1" } };
  await using receiver = to.spawn(command!, [...args, "receive", address, `${port}`], options);
  await receiver.waitForLine(/^ready$/);
  await using sender = from.spawn(
    command!,
    [...args, "send", address, `${port}`, `${rate}`],
    options,
  );
  await sender.waitForLine(/^ready$/);
  await Promise.all([during(), pause(SHORTEST_MS)]);
  await sender.closeInput();
  const sent = report<SenderReport>(await sender.waitForLine(/^\{.*\}$/));
  await pause(GRACE_MS);
  await receiver.closeInput();
  const received = report<ReceiverReport>(await receiver.waitForLine(/^\{.*\}$/));
  return { ...sent, ...received, lost: sent.sent - received.received };
}

function report<T>([line]: RegExpExecArray): T {
  return JSON.parse(line) as T;
}
