/**
 * Half of a traffic measurement, run inside a test host: `receive ADDRESS PORT` notes when datagrams
 * come until its input has ended and no more do; `send ADDRESS PORT RATE` sends numbered ones at an
 * even pace until its input ends. Each prints what it has seen as one line of JSON.
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
  const arrived: (number | null)[] = [];
  let received = 0;
  let duplicated = 0;
  // What is still in the socket's buffer when the input ends has arrived: it only waits for us.
  void inputEnd().then(async () => {
    let before = -1;
    for (let looks = 0; looks < QUIET_LOOKS;) {
      await pause(50); // turns of our own loop, not time: it may be we who were held up
      looks = received === before ? looks + 1 : 0;
      before = received;
    }
    socket.close();
  });
  for await (const [bytes] of socket) {
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    while (arrived.length <= number) arrived.push(null);
    received++;
    if (arrived[number] === null) arrived[number] = now();
    else duplicated++;
  }
  report({ arrived, duplicated });
}

async function send(periodMs: number): Promise<void> {
  const any = target.hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
  let running = true;
  void inputEnd().then(() => running = false);
  print("ready");
  const bytes = new Uint8Array(64);
  const sent: number[] = [];
  let due = now();
  let refused = 0;
  while (running) {
    // After a stall of ours the missed ones are left out: a burst of them would be lost in some
    // buffer and look like a loss of the tunnel.
    due = Math.max(due, now() - BURST * periodMs);
    for (; due <= now(); due += periodMs) {
      new DataView(bytes.buffer).setUint32(0, sent.length);
      sent.push(now());
      await socket.send(bytes, target).catch(() => refused++);
    }
    await pause(1);
  }
  socket.close();
  report({ sent, refused });
}

/** Milliseconds since 1970, of a clock that does not jump while a program runs, to the microsecond. */
function now(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
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

/** All of it: a pipe takes less at a time than a long flow comes to. */
function print(line: string): void {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
