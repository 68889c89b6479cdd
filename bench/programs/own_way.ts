/**
 * Our own way of configuring, driven as the rivals are (see session.ts). `own_way.ts told` tells the
 * kernel a change that is known: the bytes and the sends alone. `own_way.ts turn` is a whole turn of
 * the hub: the claims of all Nodes are judged, the tunnel is planned, what differs is applied.
 */
import process from "node:process";
import { KernelBackend } from "../../lib/wireguard/kernel_backend.ts";
import { Network } from "../../lib/netlink/network.ts";
import { ROUTE_TABLE } from "../../lib/netlink/routes.ts";
import { OUR_PROTOCOL } from "../../lib/tunnel/plan_routes.ts";
import { ZERO_KEY } from "../../lib/wireguard/key.ts";
import type { SessionAnswer, SessionRequest } from "../session.ts";
import { type BenchPeer, benchPeer } from "./bench_peer.ts";
import { HubTurn } from "./hub_turn.ts";

/** What both do. */
interface Way {
  fill(peers: readonly BenchPeer[]): Promise<void>;
  add(peer: BenchPeer): Promise<void>;
  change(before: BenchPeer, after: BenchPeer): Promise<void>;
  remove(peer: BenchPeer): Promise<void>;
  /** Of the networks behind the peers; a whole turn has made them with the peers. */
  routes?(peers: readonly BenchPeer[]): void;
}

/** Tells the kernel what it is told, as planDevice would say it. */
class Told implements Way {
  readonly #network: Network;
  readonly #backend: KernelBackend;

  constructor(network: Network) {
    this.#network = network;
    this.#backend = new KernelBackend(network);
  }

  routes(peers: readonly BenchPeer[]): void {
    const interfaceIndex = this.#network.link("wg0")!.index;
    const refused = this.#network.addRoutes(
      peers.flatMap(({ allowedIPs: [, destination] }) =>
        destination === undefined
          ? []
          : { destination, table: ROUTE_TABLE.MAIN, protocol: OUR_PROTOCOL, interfaceIndex }
      ),
    );
    if (refused.length > 0) throw refused[0]!.error;
  }

  async fill(peers: readonly BenchPeer[]): Promise<void> {
    await this.#backend.configure("wg0", { peers });
  }

  async add(peer: BenchPeer): Promise<void> {
    await this.#backend.configure("wg0", { peers: [peer] });
  }

  async change(before: BenchPeer, { publicKey, allowedIPs }: BenchPeer): Promise<void> {
    const orphans = before.allowedIPs.filter((cidr) => !allowedIPs.includes(cidr));
    await this.#backend.configure("wg0", {
      peers: [
        { publicKey, allowedIPs, updateOnly: true },
        { publicKey: ZERO_KEY, allowedIPs: orphans, remove: true },
      ],
    });
  }

  async remove({ publicKey }: BenchPeer): Promise<void> {
    await this.#backend.configure("wg0", { peers: [{ publicKey, remove: true }] });
  }
}

async function perform(way: Way, request: SessionRequest): Promise<SessionAnswer> {
  const { op, from = 0, count = 0, wide = false } = request;
  const numbers = Array.from({ length: count }, (_, at) => from + at);
  const before = numbers.map((number) => benchPeer(number, false, wide));
  const after = numbers.map((number) => benchPeer(number, true, wide));
  switch (op) {
    case "fill":
      return await timed(1, () => way.fill(before));
    case "routes": {
      const all = numbers.map((number) => benchPeer(number, false, true));
      return await timed(1, () => way.routes?.(all));
    }
    case "add":
      return await timed(count, (at) => way.add(before[at]!));
    case "change":
      return await timed(count, (at) => way.change(before[at]!, after[at]!));
    case "remove":
      return await timed(count, (at) => way.remove(before[at]!));
    default:
      throw new Error(`unknown request ${op}`);
  }
}

async function timed(
  count: number,
  step: (at: number) => Promise<void> | void,
): Promise<SessionAnswer> {
  const wallMs: number[] = [];
  const before = process.cpuUsage();
  for (let at = 0; at < count; at++) {
    const begin = performance.now();
    await step(at);
    wallMs.push(performance.now() - begin);
  }
  const { user, system } = process.cpuUsage(before);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [mode] = Deno.args;
  using network = new Network();
  const way = mode === "told" ? new Told(network) : await HubTurn.open(network);
  print("ready");
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const answer = await perform(way, JSON.parse(line) as SessionRequest).catch((thrown) => ({
        wallMs: [],
        cpuMs: 0,
        error: String(thrown),
      }));
      print(JSON.stringify(answer));
    }
  }
}
