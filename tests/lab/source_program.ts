/**
 * `source_program.ts serve ADDRESS…`: answers each datagram with the address that it came from.
 * `source_program.ts ask ADDRESS[:PORT]…`: asks there, and prints as JSON who was seen; null: no answer.
 */
const PORT = 9200;
const TRIES = 30;
const PAUSE_MS = 200;

const [command, ...addresses] = Deno.args;
if (command === "serve") {
  const sockets = addresses.map((hostname) =>
    Deno.listenDatagram({ transport: "udp", hostname, port: PORT })
  );
  say("ready");
  await Promise.all(sockets.map(async (socket) => {
    for await (const [, from] of socket) {
      if (from.transport !== "udp") continue;
      await socket.send(new TextEncoder().encode(from.hostname), from).catch(() => {});
    }
  }));
} else {
  const answers = await Promise.all(addresses.map(ask));
  say(JSON.stringify(Object.fromEntries(answers)));
  Deno.exit(0); // whoever was never answered still listens
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** @param at an address, or one of IPv4 and a port. */
async function ask(at: string): Promise<[string, string | null]> {
  const [, address = at, port = PORT] = /^([\d.]+):(\d+)$/.exec(at) ?? [];
  const hostname = address.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  let seen: string | null = null;
  const listening = (async () => {
    for await (const [bytes, from] of socket) {
      if (from.transport !== "udp" || from.hostname !== address) continue;
      seen = new TextDecoder().decode(bytes);
      return;
    }
  })();
  for (let tried = 0; tried < TRIES && seen === null; tried++) {
    await socket.send(new Uint8Array(1), {
      transport: "udp",
      hostname: address,
      port: Number(port),
    })
      .catch(() => {}); // no route yet
    await Promise.race([listening, new Promise((done) => setTimeout(done, PAUSE_MS))]);
  }
  return [at, seen];
}
