import { MARKED } from "../../lib/contract/annotation_keys.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { parseLedger } from "../../lib/contract/ledger_text.ts";
import { ApiSession } from "./api_session.ts";
import { HubWatch } from "./hub_watch.ts";
import { KnownKeys } from "./known_keys.ts";
import { MemberWatch } from "./member_watch.ts";
import { RequestsWatch } from "./requests_watch.ts";
import { SecretsWatch } from "./secrets_watch.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { type NodeChange, SimulatedApi } from "./simulated_api.ts";
import { SimulatedDisks } from "./simulated_disk.ts";
import { SimulatedHub } from "./simulated_hub.ts";
import {
  FILES,
  HUBS,
  type MachineKind,
  MEMBERS,
  SimulatedMachine,
  SPOKES,
} from "./simulated_machine.ts";
import { claimOfMember, claimOfSpoke, drawNode, KEYS, nodeOf } from "./simulated_nodes.ts";
import { SimulatedProcess } from "./simulated_process.ts";
import type { ProgramParts } from "./simulated_program.ts";
import { SimulatedSpoke } from "./simulated_spoke.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";
import { exchangePackets } from "./exchange_packets.ts";
import { SpokeWatch } from "./spoke_watch.ts";
import { Violation } from "./violation.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** The time between two exchanges of packets, in ms. */
const EXCHANGE_EVERY = 5_000;
/** How long a program that ended by itself is left alone before it is started again, in ms. */
const RESTART = 2_000;

const PRIVATE_KEYS = [...HUBS, ...SPOKES, ...MEMBERS].map(({ privateKey }) => privateKey);

/** A machine with the program that runs on it, and who watches both. */
export interface Resident<
  Program extends SimulatedHub | SimulatedSpoke = SimulatedHub | SimulatedSpoke,
  Watch extends HubWatch | SpokeWatch | MemberWatch = HubWatch | SpokeWatch | MemberWatch,
> {
  readonly machine: SimulatedMachine;
  readonly watch: Watch;
  process?: SimulatedProcess;
  program?: Program;
  /** The kernel tells the program that something has changed. */
  notify: () => void;
  /** Its connections are said to be dead. */
  reopen: () => void;
}

export type HubResident = Resident<SimulatedHub, HubWatch>;
export type SpokeResident = Resident<SimulatedSpoke, SpokeWatch>;
export type MemberResident = Resident<SimulatedSpoke, MemberWatch>;

/** Hubs, spokes, members, other Nodes and an API server, and what outlives any process of them. */
export class SimulatedCluster implements Disposable {
  violation: Violation | undefined;
  readonly random: SeededRandom;
  readonly time: VirtualTime;
  readonly api = new SimulatedApi((change) => this.#changed(change));
  readonly hubs: readonly HubResident[];
  readonly spokes: readonly SpokeResident[];
  readonly members: readonly MemberResident[];
  /** --claim-hold of all hubs, in seconds. */
  readonly claimHold: number;
  readonly #secrets = new SecretsWatch(PRIVATE_KEYS);
  readonly #keys = new KnownKeys(PRIVATE_KEYS);
  readonly #disks = new SimulatedDisks((path, mode, text) =>
    this.guarded(() => this.#secrets.filed(path, mode, text))
  );
  readonly #running = new Set<Promise<void>>();
  #started = 0;
  #isOver = false;

  constructor(random: SeededRandom, time: VirtualTime) {
    this.random = random;
    this.time = time;
    this.claimHold = random.pick([0, 30, 600]);
    const resident = <Watch>(kind: MachineKind, watch: (machine: SimulatedMachine) => Watch) => {
      const machine = new SimulatedMachine(kind);
      return { machine, watch: watch(machine), notify: () => {}, reopen: () => {} };
    };
    this.hubs = HUBS.slice(0, random.pick([1, 1, 2]))
      .map((kind) => resident(kind, (machine) => new HubWatch(machine)));
    this.spokes = SPOKES.slice(0, random.below(3))
      .map((kind) => resident(kind, (machine) => new SpokeWatch(machine)));
    this.members = MEMBERS.slice(0, random.pick([0, 0, 1, 2]))
      .map((kind) => resident(kind, (machine) => new MemberWatch(machine)));
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
    this.#disks[Symbol.dispose]();
  }

  get residents(): readonly Resident[] {
    return [...this.hubs, ...this.spokes, ...this.members];
  }

  /** Seconds have passed since 1970 on the API server's clock, which is right. */
  get bornNow(): number {
    return Date.UTC(2026, 0, 1) + Math.floor(this.time.now / 1000) * 1000;
  }

  /** A stranger's Node comes, or says something else. */
  putStranger(name: string): void {
    const { node, claim } = drawNode(this.random, name);
    const createdAt = this.api.nodes.get(name)?.createdAt ?? this.bornNow;
    for (const { watch } of this.hubs) watch.nodeIs(name, claim, this.api.version + 1);
    this.api.put({ ...node, uid: `${name} of ${createdAt}`, createdAt });
  }

  deleteNode(name: string): void {
    for (const { watch } of this.hubs) watch.nodeIs(name, undefined, this.api.version + 1);
    this.api.delete(name);
  }

  /** The kubelet of a machine registers it. */
  register({ machine }: Resident): void {
    const uid = `${machine.name} since ${this.api.version}`;
    this.api.put(nodeOf(machine, { uid, createdAt: this.bornNow }));
  }

  start(resident: Resident): void {
    const { machine } = resident;
    const process = new SimulatedProcess(
      `${machine.name}.${++this.#started}`,
      () => this.startLater(resident, this.random.below(RESTART)),
    );
    const parts = {
      machine,
      process,
      claimHold: this.claimHold,
      clock: this.time.clock,
      ...this.#surround(resident, process),
    };
    resident.process = process;
    let program: SimulatedHub | SimulatedSpoke;
    if (isHub(resident)) {
      const hub = program = resident.program = new SimulatedHub({
        ...parts,
        onTurn: () => this.guarded(() => resident.watch.settled(hub)),
      });
      // Where it could not be written, it tells of another time: then nobody can count on it.
      const disk = machine.disk.isFull ? undefined : machine.disk.files.get(FILES.ledger);
      resident.watch.processBegins(hub, (disk && parseLedger(disk)) || EMPTY_LEDGER);
    } else {
      const { watch } = resident as SpokeResident | MemberResident;
      const spoke = program = resident.program = new SimulatedSpoke({
        ...parts,
        onTurn: () => this.guarded(() => watch.settled(spoke)),
      });
    }
    const running = program.run().then(
      () => this.#ended(resident, process),
      (error) => this.#ended(resident, process, error),
    ).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Starts it, unless something else has meanwhile. */
  startLater(resident: Resident, ms: number): void {
    const { process } = resident;
    setTimeout(() => {
      if (resident.process === process && !this.#isOver) this.start(resident);
    }, ms);
  }

  /** Lets time pass, and packets with it. */
  async pass(ms: number): Promise<void> {
    const end = this.time.now + ms;
    while (this.time.now < end && !this.violation) {
      await this.time.pass(Math.min(EXCHANGE_EVERY, end - this.time.now));
      exchangePackets(this);
    }
  }

  /** Ends all that runs. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const { process } of this.residents) process?.kill();
    await this.time.pass(15_000);
    await Promise.all(this.#running);
  }

  /** Looks at every machine. */
  look(): void {
    this.guarded(() => {
      for (const { watch } of this.residents) watch.look();
    });
  }

  /** Somebody may read this. */
  published(text: string): void {
    this.guarded(() => this.#secrets.published(text));
  }

  /** Keeps what the loops would swallow. */
  guarded(look: () => void): void {
    try {
      look();
    } catch (error) {
      if (error instanceof Violation) this.violation ??= error;
      throw error;
    }
  }

  /** What a process has around it. */
  #surround(
    resident: Resident,
    process: SimulatedProcess,
  ): Pick<ProgramParts, "session" | "root" | "witness" | "onNotify" | "onReopen"> {
    const { machine, watch } = resident;
    const requests = new RequestsWatch();
    const witness: KernelWitness = {
      begins: (config) => this.guarded(() => watch.begins(config)),
      after: () => this.guarded(() => watch.after()),
      ends: () => this.guarded(() => watch.ends()),
      removed: () => this.guarded(() => watch.removed()),
      took: (what) => this.guarded(() => watch.took(what)),
    };
    const session = new ApiSession({
      api: this.api,
      random: this.random,
      process,
      tokenOnDisk: () => machine.token,
      onListed: ({ labelSelector }) => {
        if (!isHub(resident)) return;
        if (labelSelector === `${KEYS.peer}=${MARKED}`) resident.watch.hasListed = true;
        if (labelSelector === `${KEYS.hub}=${MARKED}`) resident.watch.hasListedHubs = true;
      },
      onRequest: (verb, body) => {
        this.guarded(() => requests.requested(verb, this.time.now));
        if (body !== undefined) this.published(JSON.stringify(body));
      },
    });
    return {
      session,
      witness,
      root: this.#disks.mount(process, machine.disk),
      onNotify: (call) => resident.notify = call,
      onReopen: (call) => resident.reopen = call,
    };
  }

  /** A program that ended in order, or since it could not begin, is started again. */
  #ended(resident: Resident, process: SimulatedProcess, error?: unknown): void {
    if (process.isAlive && !(error instanceof Violation)) this.startLater(resident, RESTART);
  }

  #changed({ name, version, after }: NodeChange): void {
    const peer = [...this.spokes, ...this.members].find(({ machine }) => machine.name === name);
    if (!peer) return;
    const claimOf = peer.machine.kind.role === "member" ? claimOfMember : claimOfSpoke;
    const claim = after && claimOf(peer.machine, after);
    for (const { watch } of this.hubs) watch.nodeIs(name, claim, version);
  }
}

function isHub(resident: Resident): resident is HubResident {
  return resident.machine.kind.role === "hub";
}
