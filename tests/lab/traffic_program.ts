/**
 * Half of a traffic measurement, run inside a test host: `receive ADDRESS PORT` counts datagrams until
 * its input has ended and no more come; `send ADDRESS PORT RATE` sends numbered ones at an even pace
 * until its input ends. Each prints what it has seen as one line of JSON.
 */
import type { ReceiverReport, SenderReport } from "./traffic.ts";

/** How many datagrams may leave at once when a timer was late: clocks tick in steps of up to 10 ms. */
const BURST = 16;

/** How often in a row nothing more must have come for the receiver to believe that all has. */
const QUIET_LOOKS = 20;

const [mode, hostname, port, rate] = Deno.args;
const target = { transport: "udp" as const, hostname: hostname!, port: Number(port) };

if (mode === "receive") await receive();
else await send(1000 / Number(rate));

async function receive(): Promise<void> {
  const socket = Deno.listenDatagram(target);
  print("ready");
  const seen = new Set<number>();
  let duplicated = 0;
  let last: number | undefined;
  let longestGapMs = 0;
  // What is still in the socket's buffer when the input ends has arrived: it only waits for us.
  void inputEnd().then(async () => {
    let before = -1;
    for (let looks = 0; looks < QUIET_LOOKS;) {
      await pause(50); // turns of our own loop, not time: it may be we who were held up
      looks = seen.size === before ? looks + 1 : 0;
      before = seen.size;
    }
    socket.close();
  });
  for await (const [bytes] of socket) {
    const now = performance.now();
    if (last !== undefined) longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (seen.has(number)) duplicated++;
    seen.add(number);
  }
  report({ received: seen.size, duplicated, longestGapMs: Math.round(longestGapMs) });
}

async function send(periodMs: number): Promise<void> {
  const any = target.hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
  let running = true;
  void inputEnd().then(() => running = false);
  print("ready");
  const bytes = new Uint8Array(64);
  let due = performance.now();
  let sent = 0;
  let refused = 0;
  while (running) {
    // After a stall of ours the missed ones are left out: a burst of them would be lost in some
    // buffer and look like a loss of the tunnel.
    due = Math.max(due, performance.now() - BURST * periodMs);
    for (; due <= performance.now(); due += periodMs) {
      new DataView(bytes.buffer).setUint32(0, sent++);
      await socket.send(bytes, target).catch(() => refused++);
    }
    await pause(1);
  }
  socket.close();
  report({ sent, refused });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function inputEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

function report(report: ReceiverReport | SenderReport): void {
  print(JSON.stringify(report));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
