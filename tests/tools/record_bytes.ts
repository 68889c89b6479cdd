/**
 * Records what `ip` and `wg` send to the kernel, and what it answers to `wg show`, for the unit tests
 * to compare with what ours are. It runs them under strace and reads its hex dumps.
 *
 * Run as root in a network namespace that may be spoilt, on a kernel with WireGuard; needs strace,
 * iproute2 and wireguard-tools:
 *
 *     unshare --net deno run --allow-run=ip,wg,strace --allow-write=DIR --allow-read=DIR \
 *       tests/tools/record_bytes.ts DIR
 *
 * with tests/unit/fixtures as DIR. The committed files were made on Linux 6.1 with iproute2 6.1 and
 * wireguard-tools 1.0.20210914.
 */

const KEY = btoa("a key made for a recorded test..");
const PEER = btoa("the peer of a recorded test.....");
/** No secret. Already clamped, as a real one would be. */
const PRIVATE = btoa("plain words, for a recorded test");

/** What is recorded, in an order in which each can succeed. `#` is the private key's file. */
const COMMANDS = [
  "ip link add wg0 type wireguard",
  "ip link set wg0 mtu 1380",
  "ip link set wg0 up",
  "ip link set wg0 alias wg-kube",
  "ip address add 100.96.0.1/12 dev wg0",
  "ip address add fd00:96::1/64 dev wg0",
  "ip route add 10.1.0.0/16 dev wg0 proto 87",
  "ip route add 10.2.0.0/16 dev wg0 proto 87 table 1000 metric 7 src 100.96.0.1",
  "ip route add 10.3.0.0/16 via 100.96.0.9 proto 87",
  "ip route add default dev wg0 proto 87 table 1001",
  "ip route add fd00:1::/48 dev wg0 proto 87",
  "ip route add fd00:2::/48 via fd00:96::9 dev wg0 proto 87 table 1000",
  "ip route del 10.1.0.0/16 dev wg0 proto 87",
  "ip route get 10.3.0.1 mark 16",
  "ip route get fd00:1::1",
  "ip rule add priority 32763 to 192.0.2.1/32 ipproto tcp dport 6443 lookup main protocol 87",
  "ip rule add priority 32764 not fwmark 0x10 lookup 1000 protocol 87",
  "ip rule add priority 32765 iif wg0 from 10.0.0.0/8 fwmark 0x10/0xff lookup 1000 protocol 87",
  "ip -6 rule add priority 32765 lookup main suppress_prefixlength 0 protocol 87",
  "ip rule del priority 32764 not fwmark 0x10 lookup 1000 protocol 87",
  "wg set wg0 private-key # listen-port 51820 fwmark 0x10",
  `wg set wg0 peer ${KEY} endpoint 192.0.2.7:1234 persistent-keepalive 25 allowed-ips 10.5.0.0/16`,
  `wg set wg0 peer ${PEER} endpoint [2001:db8::7]:1234`,
  `wg set wg0 peer ${KEY} persistent-keepalive off`,
  `wg set wg0 peer ${KEY} remove`,
  "ip address del 100.96.0.1/12 dev wg0",
  "ip address del fd00:96::1/64 dev wg0",
  "ip link del wg0",
];

const PEERS = 40;
const PREFIXES_OF_THE_LAST = 400;

const directory = Deno.args[0];
if (directory === undefined) throw new Error("say where to write: record_bytes.ts DIR");

const keyFile = `${directory}/key`;
await Deno.writeTextFile(keyFile, PRIVATE, { mode: 0o600 });
try {
  await write("requests.json", await recordRequests());
  await write("device_dump.json", await recordDump());
} finally {
  await Deno.remove(keyFile);
}

/** What each command sent over netlink, as hex, one text a send. */
async function recordRequests() {
  const recorded: { command: string; sent: string[] }[] = [];
  let interfaceIndex = 0;
  for (const command of COMMANDS) {
    const sent = await traced(command, "write", /^(sendto|sendmsg)\(.*AF_NETLINK/);
    recorded.push({ command, sent });
    if (command.startsWith("ip link add")) {
      interfaceIndex = Number.parseInt(await run("ip", ["-o", "link", "show", "wg0"]));
    }
  }
  return { interfaceIndex, recorded };
}

/** The datagrams with which the kernel answers `wg show`, for a device whose peers fill several. */
async function recordDump() {
  await run("ip", ["link", "add", "wg0", "type", "wireguard"]);
  await run("wg", ["set", "wg0", "private-key", keyFile, "listen-port", "51820"]);
  for (let i = 1; i <= PEERS; i++) {
    const key = btoa(`recorded peer number ${i}`.padEnd(32, "."));
    const count = i === PEERS ? PREFIXES_OF_THE_LAST : 2;
    const prefixes = Array.from({ length: count }, (_, k) => `10.${i}.${k >> 8}.${k & 255}/32`);
    const host = i % 2 ? "192.0.2.1" : "[2001:db8::1]";
    const settings = ["endpoint", `${host}:${1000 + i}`, "persistent-keepalive", `${i}`];
    const allowed = [`fd00:${i}::/64`, ...prefixes].join(",");
    await run("wg", ["set", "wg0", "peer", key, ...settings, "allowed-ips", allowed]);
  }
  const received = await traced("wg show wg0 dump", "read", /^recvmsg\(.*AF_NETLINK/);
  const printed = (await run("wg", ["show", "wg0", "dump"])).trimEnd().split("\n");
  await run("ip", ["link", "del", "wg0"]);
  return { received, printed };
}

/** Runs a command under strace. @returns as hex what was moved by each call whose line matches. */
async function traced(command: string, direction: string, call: RegExp): Promise<string[]> {
  const words = command.replace("#", keyFile).split(" ");
  const calls = "trace=sendto,sendmsg,recvmsg";
  const text = await run("strace", ["-e", calls, "-e", `${direction}=all`, ...words], "stderr");
  const moved: string[] = [];
  let wanted = false;
  for (const line of text.split("\n")) {
    const dump = /^ \| [0-9a-f]+ {2}([0-9a-f ]{49})/.exec(line);
    if (dump) {
      if (wanted) moved.push(moved.pop()! + dump[1]!.replaceAll(" ", ""));
    } else if (!line.startsWith(" * ")) {
      wanted = call.test(line);
      if (wanted) moved.push("");
    }
  }
  return moved.filter((hex) => hex !== "");
}

async function run(
  program: string,
  args: string[],
  output: "stdout" | "stderr" = "stdout",
): Promise<string> {
  const result = await new Deno.Command(program, { args }).output();
  const stderr = new TextDecoder().decode(result.stderr);
  if (!result.success) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return output === "stderr" ? stderr : new TextDecoder().decode(result.stdout);
}

async function write(name: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(`${directory}/${name}`, `${JSON.stringify(value, null, 2)}\n`);
}
