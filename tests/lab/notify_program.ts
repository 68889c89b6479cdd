/** `notify_program.ts SOCKET`: plays systemd; prints what a service tells it, one datagram a line. */
const [path] = Deno.args;
const socket = Deno.listenDatagram({ transport: "unixpacket", path: path! });
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
print("ready");
for await (const [bytes] of socket) print(new TextDecoder().decode(bytes));
