import { claimOf, withInternalIPs } from "../../lib/contract/claim.ts";
import { parseLedger } from "../../lib/contract/ledger_text.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { wantedPeers } from "../../lib/contract/wanted_peers.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { configureLog } from "../../lib/log.ts";
import { MARKED } from "../../lib/contract/annotation_keys.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { cidrContains } from "../../lib/ip/cidr.ts";
import { privateKeyFromBytes } from "../../lib/wireguard/key.ts";
import { ApiSession } from "./api_session.ts";
import { SeededRandom } from "./seeded_random.ts";
import { type Faults, NO_FAULTS, SimulatedApi } from "./simulated_api.ts";
import { ENDPOINT, type HubMachine, SimulatedHub } from "./simulated_hub.ts";
import { Killed, SimulatedKernel } from "./simulated_kernel.ts";
import { drawNode, HUB_NAME, keyOf, KEYS, LEGAL, NAMES } from "./simulated_nodes.ts";
import { Violation } from "./violation.ts";
import { VirtualTime } from "./virtual_time.ts";
import { Watchman } from "./watchman.ts";

const EPOCH = Date.UTC(2026, 0, 1);
/** How many things happen to a cluster, and the longest time between two of them, in ms. */
const HAPPENINGS = 30;
const LONGEST_GAP = 20_000;
/** When a hub must be back in step: after a watch that fell silent and its backoff; where events were lost, after everything is listed again. */
const BACK_IN_STEP = 150_000;
const BACK_AFTER_LOSS = 270_000;

/**
 * One life of a cluster, drawn from a seed: Nodes, faults of the API, kills, edits by hand, and then
 * a time without any.
 *
 * @param onLine told each line that the hub logs.
 * @returns what was violated, if anything.
 */
export async function simulate(
  seed: number,
  onLine: (line: string) => void = () => {},
): Promise<Violation | undefined> {
  const random = new SeededRandom(seed);
  using time = new VirtualTime(EPOCH, random.next);
  const life = new Life(random, time, onLine);
  try {
    await life.live();
    return life.violation;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  } finally {
    await life.end();
  }
}

class Life {
  violation: Violation | undefined;
  readonly #random: SeededRandom;
  readonly #time: VirtualTime;
  readonly #onLine: (line: string) => void;
  readonly #api = new SimulatedApi();
  readonly #watchman = new Watchman();
  readonly #holdMs: number;
  #machine!: HubMachine;
  #hub!: SimulatedHub;
  readonly #running: Promise<void>[] = [];
  #lossy = false;
  #isOver = false;

  constructor(random: SeededRandom, time: VirtualTime, onLine: (line: string) => void) {
    this.#random = random;
    this.#onLine = onLine;
    this.#time = time;
    this.#holdMs = random.pick([0, 30_000, 600_000]);
  }

  async live(): Promise<void> {
    const random = this.#random;
    const privateKey = await privateKeyFromBytes(
      Uint8Array.from({ length: 32 }, () => 1 + random.below(255)),
    );
    const watchman = this.#watchman;
    const kernel = new SimulatedKernel({
      begins: (config) => this.#guarded(() => watchman.begins(config)),
      after: () => this.#guarded(() => watchman.after()),
      ends: () => this.#guarded(() => watchman.ends()),
    });
    this.#machine = { kernel, privateKey, disk: undefined };
    this.#watchman.watch(this.#machine);
    configureLog({ format: "json", level: "debug" }, (line) =>
      this.#guarded(() => {
        this.#onLine(line);
        this.#watchman.wrote(line);
      }));
    this.#api.put(hubNode());
    for (const name of random.some(NAMES, 7)) this.#putNode(name);
    this.#start();
    for (let i = 0; i < HAPPENINGS && !this.violation; i++) {
      await this.#time.pass(random.below(random.chance(0.5) ? 300 : LONGEST_GAP));
      this.#happen();
      this.#guarded(() => this.#watchman.look());
    }
    if (this.violation) return;
    this.#api.faults = NO_FAULTS;
    this.#machine.kernel.interruption = undefined;
    await this.#time.pass(this.#lossy ? BACK_AFTER_LOSS : BACK_IN_STEP);
    if (!this.violation) this.#expectConverged();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#hub?.kill();
    await this.#time.pass(5_000);
    await Promise.all(this.#running);
  }

  /** Something happens. */
  #happen(): void {
    const random = this.#random;
    const deeds: [number, () => void][] = [
      [8, () => this.#putNode(random.pick(NAMES))],
      [3, () => this.#deleteNode(random.pick(NAMES))],
      [1, () => NAMES.forEach((name) => this.#putNode(name))],
      [4, () => this.#restart()],
      [2, () => this.#interrupt()],
      [4, () => this.#breakApi()],
      [3, () => this.#api.faults = NO_FAULTS],
      [1, () => this.#api.compact()],
      [2, () => this.#editByHand()],
      [2, () => this.#roam()],
      [2, () => this.#editHubNode()],
      [1, () => this.#hub.peers.reopen()],
    ];
    const sum = deeds.reduce((total, [weight]) => total + weight, 0);
    let drawn = random.below(sum);
    deeds.find(([weight]) => (drawn -= weight) < 0)![1]();
  }

  #putNode(name: string): void {
    const { node, claim } = drawNode(this.#random, name, this.#machine.privateKey.publicKey);
    const known = this.#api.nodes.get(name);
    const createdAt = known?.createdAt ?? EPOCH + Math.floor(this.#time.now / 1000) * 1000;
    const uid = known?.uid ?? `${name} of ${createdAt}`;
    this.#watchman.nodeIs(name, claim, this.#api.version + 1);
    this.#api.put({ ...node, uid, createdAt });
  }

  #deleteNode(name: string): void {
    this.#watchman.nodeIs(name, undefined, this.#api.version + 1);
    this.#api.delete(name);
    if (this.#random.chance(0.5)) this.#putNode(name); // created again, younger
  }

  #start(): void {
    const session = new ApiSession(this.#api, this.#random, (verb, body) => {
      this.#guarded(() => this.#watchman.requested(hub, verb, body, this.#time.now));
    });
    const hub: SimulatedHub = new SimulatedHub(
      this.#machine,
      session,
      this.#holdMs,
      (hub) => this.#guarded(() => this.#watchman.settled(hub)),
    );
    this.#hub = hub;
    const { disk } = this.#machine;
    const ledger = disk === undefined ? undefined : parseLedger(disk);
    this.#watchman.processBegins(hub, (ledger ?? EMPTY_LEDGER).keys);
    this.#running.push(hub.run());
  }

  #restart(): void {
    this.#hub.kill();
    if (this.#random.chance(0.1)) this.#machine.disk = undefined;
    this.#start();
  }

  /** The next configuration ends in its midst: the process is killed, or the kernel refuses the rest. */
  #interrupt(): void {
    const killed = this.#random.chance(0.6);
    this.#machine.kernel.interruption = {
      after: this.#random.below(4),
      error: () => {
        if (!killed) return new Error("no memory");
        const victim = this.#hub;
        setTimeout(() => {
          if (this.#hub === victim && !this.#isOver) this.#start();
        }, 1 + this.#random.below(2000));
        return new Killed("killed");
      },
    };
  }

  #breakApi(): void {
    const likely = [0, 0, 0, 0.1, 0.5, 1];
    const faults = Object.fromEntries(
      Object.keys(NO_FAULTS).map((kind) => [kind, this.#random.pick(likely)]),
    ) as unknown as Faults;
    this.#api.faults = faults;
    this.#lossy ||= faults.lost > 0 || faults.swapped > 0;
  }

  #editByHand(): void {
    const { kernel } = this.#machine;
    const key = this.#random.pick([...kernel.peers.keys(), keyOf(99)]);
    if (this.#random.chance(0.5)) {
      this.#watchman.handEdits(key);
      return kernel.removePeer(key);
    }
    const cidr = this.#random.pick(LEGAL);
    this.#watchman.handEdits(key, cidr);
    kernel.give(key, cidr);
  }

  /** A peer speaks from another place. */
  #roam(): void {
    const peers = [...this.#machine.kernel.peers.values()];
    if (peers.length === 0) return;
    const host = this.#random.pick(["203.0.113.77", "100.96.0.9", "10.1.0.9"]) as IpAddress;
    Object.assign(this.#random.pick(peers), {
      endpoint: { host, port: 1 + this.#random.below(65535) },
      handshake: EPOCH + this.#time.now,
    });
  }

  #editHubNode(): void {
    const node = this.#api.nodes.get(HUB_NAME) ?? hubNode();
    const key = this.#random.pick([KEYS.publicKey, KEYS.endpoint, KEYS.allowedIPs]);
    const { [key]: _, ...rest } = node.annotations;
    const annotations = this.#random.chance(0.5) ? rest : { ...rest, [key]: "something else" };
    this.#api.put({ ...node, annotations });
  }

  #expectConverged(): void {
    const { disk, kernel, privateKey } = this.#machine;
    const ledger = disk === undefined ? undefined : parseLedger(disk);
    if (!ledger) throw new Violation("converged", "no ledger was written");
    const claims = [...this.#api.nodes.values()]
      .filter((node) => node.labels[KEYS.peer] === MARKED && node.name !== HUB_NAME)
      .map((node) => withInternalIPs(claimOf(node, KEYS), node));
    const { admitted } = this.#hub.judge(claims, ledger, kernel.read());
    // A prefix within a wider one of the same peer says nothing more.
    for (const [cidr, key] of kernel.owners) {
      const wider = admitted.get(key)?.allowedIPs.some((one) =>
        one !== cidr && cidrContains(one, cidr)
      );
      if (wider) kernel.owners.delete(cidr);
    }
    const wanted = [...wantedPeers(admitted).values()]
      .flatMap((
        { publicKey, allowedIPs },
      ) => [publicKey, ...allowedIPs.map((one) => `${one} ${publicKey}`)]);
    const found = [...kernel.peers.keys(), ...[...kernel.owners].map((entry) => entry.join(" "))];
    const [is, shouldBe] = [found.sort().join(", "), wanted.sort().join(", ")];
    if (is !== shouldBe) throw new Violation("converged", `is ${is}; should be ${shouldBe}`);
    const { annotations, labels } = this.#api.nodes.get(HUB_NAME)!;
    const says = [KEYS.publicKey, KEYS.endpoint, KEYS.allowedIPs].map((key) => annotations[key]);
    const should = [privateKey.publicKey, `${ENDPOINT.host}:${ENDPOINT.port}`, "100.96.0.0/12"];
    if (labels[KEYS.hub] !== MARKED || says.join() !== should.join()) {
      throw new Violation("published", `the hub's Node says ${says.join()}`);
    }
  }

  /** Keeps what the loops would swallow. */
  #guarded(look: () => void): void {
    try {
      look();
    } catch (error) {
      if (error instanceof Violation) this.violation ??= error;
      throw error;
    }
  }
}

function hubNode(): NodeView {
  const status = { internalIPs: [], externalIPs: [], ready: true };
  return { name: HUB_NAME, uid: HUB_NAME, createdAt: EPOCH, labels: {}, annotations: {}, status };
}
