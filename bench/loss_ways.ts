import { HubBench, type Peer } from "../tests/lab/hub_bench.ts";
import { LabHost } from "../tests/lab/lab_host.ts";
import { generatePrivateKey, printPrivateKey, type PublicKey } from "../lib/wireguard/key.ts";
import type { BenchLab } from "./bench_lab.ts";
import { benchPeer } from "./programs/bench_peer.ts";
import { Session } from "./session.ts";
import { type ProgramWay, WAY } from "./ways.ts";

/** What happens to others while datagrams flow. A restart finds one peer more than there was. */
export const OPERATIONS = ["add", "change", "remove", "restart"] as const;
export type Operation = typeof OPERATIONS[number];

/** How many other peers the hub has. */
const OTHERS = 25;
const HUB = { address: "203.0.113.210", tunnel: "100.96.0.1" };
const PEER = { address: "203.0.113.211", tunnel: "100.96.0.211" };

/** A hub that is configured in one way, with a peer that has a tunnel to it. */
export interface LossStage extends AsyncDisposable {
  readonly hub: LabHost;
  readonly peer: LabHost;
  /** The round is a number that no round before had. */
  perform(operation: Operation, round: number): Promise<void>;
}

/** The hosts of a rival's stage. */
interface Hosts extends AsyncDisposable {
  readonly hub: LabHost;
  readonly peer: LabHost;
  readonly peerKey: PublicKey;
}

/** A hub whose `wg0` has its key alone, and a host whose `wg0` leads to it. */
async function rivalHosts(lab: BenchLab): Promise<Hosts> {
  await using parts = new AsyncDisposableStack();
  const hub = parts.use(await lab.tunnelHost("loss-hub", `${HUB.address}/24`));
  const hubKey = (await hub.run(["wg", "show", "wg0", "public-key"])).trim();
  const peer = parts.use(await LabHost.create("loss-peer"));
  await lab.underlay.attach(peer, `${PEER.address}/24`);
  const key = await generatePrivateKey();
  await peer.writeFile("/etc/wireguard/key", printPrivateKey(key));
  await peer.ip("link add wg0 mtu 1420 type wireguard", `addr add ${PEER.tunnel}/32 dev wg0`);
  await peer.run([
    ...["wg", "set", "wg0", "listen-port", "51820", "private-key", "/etc/wireguard/key"],
    ...["peer", hubKey, "endpoint", `${HUB.address}:51820`],
    ...["allowed-ips", "100.96.0.0/12", "persistent-keepalive", "25"],
  ]);
  await peer.ip("link set wg0 up", "route add 100.96.0.0/12 dev wg0");
  const all = parts.move();
  return { hub, peer, peerKey: key.publicKey, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A hub that a program with wgctrl configures. */
export async function sessionStage(lab: BenchLab, { command }: ProgramWay): Promise<LossStage> {
  const hosts = await rivalHosts(lab);
  const start = async (others: number) => {
    const session = await Session.open(hosts.hub, command);
    await session.ask({ op: "keep", key: hosts.peerKey, prefix: `${PEER.tunnel}/32` });
    await session.ask({ op: "fill", count: others });
    return session;
  };
  let session = await start(OTHERS);
  let others = OTHERS;
  return {
    ...hosts,
    async perform(operation, round) {
      if (operation !== "restart") {
        await session.ask({ op: operation, from: 1000 + round, count: 1 });
        return;
      }
      await session[Symbol.asyncDispose]();
      session = await start(++others);
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await hosts[Symbol.asyncDispose]();
    },
  };
}

/** How a command line configures the hub from a file. */
interface FileWay {
  /** What wg-quick reads besides. */
  readonly header?: string;
  /** A shell script. `$1` is the file. */
  readonly script: string;
}

const FILE_WAYS: Readonly<Record<string, FileWay>> = {
  [WAY.wgQuick]: {
    header: `Address = ${HUB.tunnel}/12\nMTU = 1420\n`,
    script: "{ wg-quick down $1 || ip link delete wg0; wg-quick up $1; } 2>&1",
  },
  [WAY.syncconf]: { script: "wg syncconf wg0 $1" },
  [WAY.setconf]: {
    script:
      "wg setconf wg0 $1 && sed -n 's/^AllowedIPs = \\(100.9[78].*\\)/route replace \\1 dev wg0/p' $1" +
      " | ip -batch -",
  },
};

/** A hub that a program of wireguard-tools configures from a file which is written anew each time. */
export async function fileStage(lab: BenchLab, way: string): Promise<LossStage> {
  const { header = "", script } = FILE_WAYS[way]!;
  const hosts = await rivalHosts(lab);
  const key = (await hosts.hub.readFile("/etc/wireguard/key")).trim();
  const others = new Map(Array.from({ length: OTHERS }, (_, number) => [number, false]));
  const apply = async () => {
    const peers = [
      peerText(hosts.peerKey, [`${PEER.tunnel}/32`]),
      ...[...others].map(([number, changed]) => {
        const { publicKey, allowedIPs } = benchPeer(number, changed, false);
        return peerText(publicKey, allowedIPs);
      }),
    ];
    const text = `[Interface]\nPrivateKey = ${key}\nListenPort = 51820\n${header}${peers.join("")}`;
    await hosts.hub.writeFile("/etc/wireguard/wg0.conf", text);
    await hosts.hub.run(["sh", "-c", script, "sh", "/etc/wireguard/wg0.conf"]);
  };
  await apply();
  return {
    ...hosts,
    async perform(operation, round) {
      if (operation === "restart") others.set(2000 + round, false);
      else if (operation === "remove") others.delete(1000 + round);
      else others.set(1000 + round, operation === "change");
      await apply();
    },
  };
}

function peerText(key: PublicKey, allowedIPs: readonly string[]): string {
  return `[Peer]\nPublicKey = ${key}\nAllowedIPs = ${allowedIPs.join(", ")}\n`;
}

/** Our hub, under an API server of the tests. */
export async function hubStage(): Promise<LossStage> {
  const bench = await HubBench.create();
  const peer: Peer = await bench.addPeer(231);
  const node = (number: number, changed = false) => {
    const { name, publicKey, allowedIPs } = benchPeer(number, changed, false);
    return { name, publicKey, allowedIPs, said: { "allowed-ips": allowedIPs.join() } };
  };
  const add = async (number: number) => {
    const { name, publicKey, said } = node(number);
    await bench.addNode(name, { "public-key": publicKey, ...said });
  };
  const shown = (number: number, changed = false) => {
    const { publicKey, allowedIPs } = node(number, changed);
    return bench.shows(publicKey, allowedIPs);
  };
  for (let number = 0; number < OTHERS; number++) await add(number);
  await shown(OTHERS - 1);
  return {
    hub: bench.host,
    peer: peer.host,
    async perform(operation, round) {
      const number = 1000 + round;
      switch (operation) {
        case "add":
          await add(number);
          return await shown(number);
        case "change":
          await bench.annotate(`peer-${number}`, node(number, true).said);
          return await shown(number, true);
        case "remove":
          await bench.deleteNodes(`peer-${number}`);
          return await bench.shows(node(number).publicKey, undefined);
        case "restart":
          await bench.process.stop("SIGTERM");
          await add(2000 + round);
          bench.process = bench.startHub();
          await bench.inStep();
          return await shown(2000 + round);
      }
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
}

/** A hub to which nothing happens. */
export async function controlStage(lab: BenchLab): Promise<LossStage> {
  const hosts = await rivalHosts(lab);
  await hosts.hub.run(["wg", "set", "wg0", "peer", hosts.peerKey, "allowed-ips", PEER.tunnel]);
  return { ...hosts, perform: () => Promise.resolve() };
}
