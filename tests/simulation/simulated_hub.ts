import { admit, type Judgement } from "../../lib/contract/admission.ts";
import { MARKED } from "../../lib/contract/annotation_keys.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { parseLedger, printLedger } from "../../lib/contract/ledger_text.ts";
import type { Ledger } from "../../lib/contract/ledger.ts";
import { firstLedger } from "../../lib/contract/rebuild_ledger.ts";
import { wantedPeers } from "../../lib/contract/wanted_peers.ts";
import { NodeWatcher } from "../../lib/kubernetes/node_watcher.ts";
import { logOf } from "../../lib/log.ts";
import { ClaimReader } from "../../lib/reconcile/claim_reader.ts";
import { EndpointResolver } from "../../lib/reconcile/endpoint_resolver.ts";
import { hubFacts } from "../../lib/reconcile/hub_facts.ts";
import { HubOffice } from "../../lib/reconcile/hub_office.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import { NodeStatuses } from "../../lib/reconcile/node_statuses.ts";
import { ReconcileLoop, type Turn } from "../../lib/reconcile/reconcile_loop.ts";
import { RefusalEvents } from "../../lib/reconcile/refusal_events.ts";
import type { Surroundings } from "../../lib/reconcile/surroundings.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { applyConfig } from "../../lib/wireguard/apply_config.ts";
import type { Device } from "../../lib/wireguard/device.ts";
import type { PrivateKey } from "../../lib/wireguard/key.ts";
import { planDevice, type WantedPeers } from "../../lib/wireguard/plan_device.ts";
import type { ApiSession } from "./api_session.ts";
import { HUB_NAME, KEYS } from "./simulated_nodes.ts";
import { Killed, type SimulatedKernel } from "./simulated_kernel.ts";

/** What outlives a process. */
export interface HubMachine {
  readonly kernel: SimulatedKernel;
  readonly privateKey: PrivateKey;
  /** The ledger file's text. */
  disk: string | undefined;
}

export const ENDPOINT = { host: "192.0.2.1", port: 51820 };
const ADDRESS = [{ address: "100.96.0.1" as IpAddress, prefixLength: 12 }];
const OPTIONS = {
  nodeName: HUB_NAME,
  address: ADDRESS,
  allowedIPs: undefined,
  endpoint: ENDPOINT,
  listenPort: 51820,
  peerCidrs: [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
  ] as Cidr[],
};
const SURROUNDINGS: Surroundings = {
  addresses: ["192.0.2.1", "192.168.1.2", "100.96.0.1"] as IpAddress[],
  routes: ["192.168.1.0/24"] as Cidr[],
  podRoutes: [],
  gateways: ["192.168.1.1", "10.0.0.50"] as IpAddress[],
};
const RESYNC = 60_000;
/** How long a watch is trusted alone: less than in the program, as a life here is short. */
const RELIST = 120_000;
/** How long after a change the ledger is on disk, and how old what is known of the kernel becomes: as in the programs. */
const SAVE_AFTER = 1_000;
const OBSERVE_EVERY = 10_000;

/** One process of the hub: put together as hub.ts does, of the same parts, on a simulated machine. */
export class SimulatedHub {
  readonly session: ApiSession;
  readonly peers: NodeWatcher;
  judgement: Judgement | undefined;
  readonly #machine: HubMachine;
  readonly #holdMs: number;
  readonly #saved: Ledger | undefined;
  readonly #stop = new AbortController();
  readonly #says = new LoopLog(logOf("hub"));
  readonly #claims: ClaimReader;
  readonly #statuses: NodeStatuses;
  readonly #events: RefusalEvents;
  readonly #names: EndpointResolver;
  readonly #tunnel: ReconcileLoop;
  readonly #publication: ReconcileLoop;
  readonly #self: NodeWatcher;
  readonly #onSettled: (hub: SimulatedHub) => void;
  readonly #first: Device;
  #found: Device | undefined;
  #readAt = -Infinity;
  #lastWanted: WantedPeers | undefined;
  #saving = false;

  /** @param onSettled told after each turn that made the interface what is wanted. */
  constructor(
    machine: HubMachine,
    session: ApiSession,
    holdMs: number,
    onSettled: (hub: SimulatedHub) => void,
  ) {
    this.#machine = machine;
    this.session = session;
    this.#holdMs = holdMs;
    this.#onSettled = onSettled;
    this.#first = machine.kernel.read();
    this.#saved = machine.disk === undefined ? undefined : parseLedger(machine.disk);
    const says = this.#says;
    this.#tunnel = new ReconcileLoop({
      turn: (turn) => Promise.resolve(this.#turn(turn)),
      onResult: says.resultOf("tunnel"),
      resyncMs: RESYNC,
    });
    this.#publication = new ReconcileLoop({
      turn: ({ signal }) => office.settle(signal),
      onResult: says.resultOf("publication"),
      resyncMs: RESYNC,
    });
    this.#self = new NodeWatcher({
      source: session,
      selector: { fieldSelector: `metadata.name=${HUB_NAME}` },
      metadataOnly: false,
      onChange: () => {
        office.look();
        this.#publication.mark();
      },
      onResult: says.resultOf("watch of the own node"),
      resyncMs: RELIST,
    });
    this.peers = new NodeWatcher({
      source: session,
      selector: { labelSelector: `${KEYS.peer}=${MARKED}` },
      metadataOnly: true,
      onChange: this.#tunnel.mark,
      onResult: says.resultOf("watch of the peers"),
      resyncMs: RELIST,
    });
    const office = new HubOffice({
      api: session,
      keys: KEYS,
      publicKey: machine.privateKey.publicKey,
      options: OPTIONS,
      self: this.#self,
      onChange: this.#tunnel.mark,
      onObstacle: says.troubleOf("own node"),
    });
    this.#statuses = new NodeStatuses(session, this.#tunnel.mark, this.#stop.signal);
    this.#claims = new ClaimReader(KEYS, this.#statuses);
    this.#events = new RefusalEvents({
      api: session,
      reporter: KEYS.hub,
      hub: HUB_NAME,
      node: (name) => this.peers.nodes.get(name),
      onResult: says.resultOf("events"),
    });
    this.#names = new EndpointResolver(this.#tunnel.mark, undefined, () => Promise.resolve([]));
  }

  /** Runs until it is killed. */
  async run(): Promise<void> {
    const { signal } = this.#stop;
    const loops = [this.#self, this.peers, this.#publication, this.#tunnel, this.#events];
    await Promise.all(loops.map((loop) => loop.run(signal)));
  }

  /** From now on nothing that this process does has any effect. */
  kill(): void {
    this.#stop.abort();
  }

  /** What a judgement says of these claims, now, by who held what and what the interface is like. */
  judge(claims: readonly Claim[], before: Ledger, device: Device): Judgement {
    const { publicKey } = this.#machine.privateKey;
    const { resolve } = this.#names;
    const facts = hubFacts(SURROUNDINGS, OPTIONS, {
      ownKey: publicKey,
      device,
      apiServers: [],
      nodes: new Map(),
      ownNode: undefined,
      resolve,
    });
    return admit(claims, facts, before, { now: Date.now(), holdMs: this.#holdMs });
  }

  #turn({ readBack }: Turn): number {
    if (this.peers.synced) this.#judge();
    const remembered = this.#found;
    this.#found = undefined; // until all of this has succeeded, nothing remembered is to be trusted
    const found = this.#look(remembered, readBack);
    const { kernel, privateKey } = this.#machine;
    const peers = this.judgement && wantedPeers(this.judgement.admitted);
    const { listenPort } = OPTIONS;
    const wanted = { privateKey, listenPort, fwmark: 0, ...(peers && { peers }) };
    const config = planDevice(wanted, found, this.#lastWanted, Date.now());
    try {
      if (config) kernel.configure(config);
    } catch (error) {
      if (error instanceof Killed) this.kill();
      throw error;
    }
    if (peers) this.#lastWanted = peers;
    this.#found = config ? applyConfig(found, config) : found;
    if (config) this.#says.did("told the kernel", { readBack, config });
    this.#onSettled(this);
    return Math.min(this.#statuses.retryMs ?? Infinity, OBSERVE_EVERY);
  }

  #judge(): void {
    const claims = this.#claims.read(this.peers.nodes, HUB_NAME);
    const before = this.judgement?.ledger ?? firstLedger(this.#saved, this.#first, claims);
    this.judgement = this.judge(claims, before, this.#found ?? this.#first);
    this.#says.refusals(this.judgement.refusals);
    this.#events.update(this.judgement.refusals);
    this.#save();
  }

  #look(remembered: Device | undefined, readBack: boolean): Device {
    const fresh = remembered && !readBack && Date.now() - this.#readAt < OBSERVE_EVERY;
    if (fresh) return remembered;
    this.#readAt = Date.now();
    return this.#machine.kernel.read();
  }

  #save(): void {
    if (this.#saving) return;
    this.#saving = true;
    setTimeout(() => {
      this.#saving = false;
      if (this.#stop.signal.aborted || !this.judgement) return;
      this.#machine.disk = printLedger(this.judgement.ledger);
    }, SAVE_AFTER);
  }
}
