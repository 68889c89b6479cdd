/**
 * One end of a flow of datagrams, run inside a host: `flow_end.ts receive ADDRESS PORT FILE` notes
 * when each came, `flow_end.ts send ADDRESS PORT FILE RATE` sends numbered ones and notes when each
 * left. Both stop when their input ends, and write what they have noted as JSON: ms since 1970.
 */

/** How many may leave at once when a timer was late: clocks tick in steps of up to 10 ms. */
const BURST = 16;

const [mode, hostname, port, file, rate] = Deno.args;
const target = { transport: "udp" as const, hostname: hostname!, port: Number(port) };
const now = () => performance.timeOrigin + performance.now();
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

async function inputEnd(): Promise<void> {
  for await (const _ of Deno.stdin.readable);
}

async function receive(): Promise<number[]> {
  const socket = Deno.listenDatagram(target);
  say("ready");
  const arrived: number[] = [];
  void inputEnd().then(() => pause(500)).then(() => socket.close());
  for await (const [bytes] of socket) {
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    arrived[number] ??= now();
  }
  return arrived;
}

async function send(periodMs: number): Promise<number[]> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  let running = true;
  void inputEnd().then(() => running = false);
  say("ready");
  const bytes = new Uint8Array(64);
  const sent: number[] = [];
  let due = now();
  while (running) {
    due = Math.max(due, now() - BURST * periodMs); // what a stall of ours missed is left out
    for (; due <= now(); due += periodMs) {
      new DataView(bytes.buffer).setUint32(0, sent.length);
      sent.push(now());
      await socket.send(bytes, target).catch(() => {}); // no route, no peer: it is lost
    }
    await pause(1);
  }
  socket.close();
  return sent;
}

const noted = mode === "receive" ? await receive() : await send(1000 / Number(rate));
await Deno.writeTextFile(file!, JSON.stringify(noted));
say("written");
