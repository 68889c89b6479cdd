import type { Judgement } from "../../lib/contract/admission.ts";
import { MARKED } from "../../lib/contract/annotation_keys.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { NodeWatcher } from "../../lib/kubernetes/node_watcher.ts";
import { logOf } from "../../lib/log.ts";
import { ClaimReader } from "../../lib/reconcile/claim_reader.ts";
import { EndpointFile } from "../../lib/reconcile/endpoint_file.ts";
import { EndpointResolver } from "../../lib/reconcile/endpoint_resolver.ts";
import { HubDuty } from "../../lib/reconcile/hub_duty.ts";
import { hubFacts } from "../../lib/reconcile/hub_facts.ts";
import { HubOffice } from "../../lib/reconcile/hub_office.ts";
import { Judge } from "../../lib/reconcile/judge.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import { hasSeveralAddresses, NodeAddresses } from "../../lib/reconcile/node_addresses.ts";
import { NodeStatuses } from "../../lib/reconcile/node_statuses.ts";
import { OwnEvents } from "../../lib/reconcile/own_events.ts";
import { ReconcileLoop, type Turn } from "../../lib/reconcile/reconcile_loop.ts";
import { RefusalEvents } from "../../lib/reconcile/refusal_events.ts";
import { readSurroundings } from "../../lib/reconcile/surroundings.ts";
import { takeOver } from "../../lib/reconcile/take_over.ts";
import { Tunnel } from "../../lib/reconcile/tunnel.ts";
import { wantedHubTunnel } from "../../lib/reconcile/wanted_hub_tunnel.ts";
import { endpointsOf } from "../../lib/wireguard/peer_endpoints.ts";
import { backendOf, networkOf } from "./process_kernel.ts";
import type { ProgramParts, SimulatedProgram } from "./simulated_program.ts";
import { FILES, PORT } from "./simulated_machine.ts";
import { KEYS } from "./simulated_nodes.ts";

const PEER_CIDRS = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "fc00::/7",
] as Cidr[];
const RESYNC = 60_000;
/** How long a watch is trusted alone: less than in the program, as a life here is short. */
const RELIST = 120_000;

/** One process of the hub: put together as hub.ts does, of the same parts, on a simulated machine. */
export class SimulatedHub implements SimulatedProgram {
  /** What it knows of the peers; empty before it has begun to watch. */
  peers: Pick<NodeWatcher, "nodes"> = { nodes: new Map() };
  judgement: Judgement | undefined;
  /** What it judges by, now. */
  facts: (() => LocalFacts) | undefined;
  readonly #parts: ProgramParts;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { machine: { host, kind }, process, session: api, root, witness, onTurn } = this.#parts;
    const options = {
      nodeName: kind.name,
      interface: "wg0",
      address: kind.address,
      allowedIPs: undefined,
      endpoint: kind.endpoint,
      listenPort: PORT,
      mtu: undefined,
      peerCidrs: PEER_CIDRS,
      stateDir: `${root}/${FILES.state}`,
      claimHold: this.#parts.claimHold,
      privateKeyFile: `${root}/${FILES.key}`,
      adopt: false,
    };
    const { signal } = process;
    const says = new LoopLog(logOf(kind.name));
    const network = networkOf(host, process.kernelStep, witness);
    const backend = backendOf(host, process.kernelStep, witness);
    const ownTunnel = new Tunnel({ network, backend, name: options.interface, now: Date.now });
    const own = await takeOver(ownTunnel, options);
    const { publicKey } = own.privateKey;
    const judge = await Judge.open(options, own.found, says.troubleOf("ledger"));
    const lastSeen = new EndpointFile(options.stateDir, says.troubleOf("endpoints"));
    ownTunnel.recall(await lastSeen.read() ?? new Map());

    const publication = new ReconcileLoop({
      turn: ({ signal }) => office.settle(signal),
      ...says.loop("publication"),
      resyncMs: RESYNC,
    });
    const tunnel = new ReconcileLoop({
      turn: (turn) => reconcileTunnel(turn),
      ...says.loop("tunnel"),
      resyncMs: RESYNC,
    });
    const self = new NodeWatcher({
      source: api,
      selector: { fieldSelector: `metadata.name=${options.nodeName}` },
      metadataOnly: false,
      onChange: () => {
        office.look();
        publication.mark();
      },
      onResult: says.resultOf("watch of the own node"),
      resyncMs: RELIST,
    });
    const peers = this.peers = new NodeWatcher({
      source: api,
      selector: { labelSelector: `${KEYS.peer}=${MARKED}` },
      metadataOnly: true,
      onChange: tunnel.mark,
      onResult: says.resultOf("watch of the peers"),
      resyncMs: RELIST,
    });
    const others = new NodeAddresses({
      api,
      labelSelector: `${KEYS.peer}!=${MARKED}`,
      haveSeveral: () => hasSeveralAddresses(self.nodes.get(options.nodeName)),
      onChange: tunnel.mark,
      onResult: says.resultOf("addresses of other nodes"),
    });
    const hubs = new NodeWatcher({
      source: api,
      selector: { labelSelector: `${KEYS.hub}=${MARKED}` },
      metadataOnly: false,
      onChange: tunnel.mark,
      onResult: says.resultOf("watch of the hubs"),
      resyncMs: RELIST,
    });
    const office = new HubOffice({
      api,
      keys: KEYS,
      publicKey,
      options,
      self,
      onChange: tunnel.mark,
      onObstacle: says.troubleOf("own node"),
    });
    const statuses = new NodeStatuses(api, tunnel.mark, signal, says.resultOf("addresses"));
    const claims = new ClaimReader(KEYS, statuses);
    const told = { api, reporter: KEYS.hub, onResult: says.resultOf("events") };
    const events = new RefusalEvents({
      ...told,
      hub: options.nodeName,
      node: (name) => peers.nodes.get(name),
    });
    const ownEvents = new OwnEvents({ ...told, node: () => self.nodes.get(options.nodeName) });
    const duty = await HubDuty.open(options.stateDir, {
      keys: KEYS,
      nodeName: options.nodeName,
      hubs,
      onSeveral: (text) => {
        says.matter("hubs", text);
        ownEvents.say("SeveralHubs", text);
      },
      onTrouble: says.troubleOf("duty"),
    });
    const names = new EndpointResolver(tunnel.mark, undefined, () => Promise.resolve([]));
    let surroundings = readSurroundings(network, options.interface);
    this.facts = () => {
      const device = ownTunnel.device ?? own.found;
      return hubFacts(surroundings, options, {
        ownKey: publicKey,
        device,
        apiServers: names.addresses(api.host),
        nodes: others.known,
        ownNode: self.nodes.get(options.nodeName),
        resolve: names.resolve,
      });
    };

    const reconcileTunnel = async ({ readBack }: Turn): Promise<number | undefined> => {
      if (office.isRetired) return retire();
      if (readBack) surroundings = readSurroundings(network, options.interface);
      const { isActive, isRouting, lookAgainMs } = duty.look();
      if (peers.synced && hubs.synced) {
        const claimed = claims.read(peers.nodes, options.nodeName);
        this.judgement = judge.judge(claimed, this.facts!(), Date.now());
        const { refusals, remarks } = this.judgement;
        says.refusals(refusals, remarks);
        events.update(isActive ? [...refusals, ...remarks] : []);
      }
      const { judgement } = this;
      const wanted = wantedHubTunnel(options, own.privateKey, surroundings, judgement, isRouting);
      const report = await ownTunnel.reconcile(wanted, readBack);
      if (judgement) lastSeen.save(endpointsOf(ownTunnel.device));
      says.tunnel(report, (peer) => judgement?.admitted.get(peer)?.node);
      onTurn();
      return Math.min(statuses.retryMs ?? Infinity, report.lookAgainMs, lookAgainMs);
    };
    const retire = (): undefined => {
      if (ownTunnel.remove()) says.did("interface removed", { interface: options.interface });
    };

    this.#parts.onNotify(tunnel.markKernel);
    this.#parts.onReopen(peers.reopen);
    const loops = [self, peers, hubs, others, publication, tunnel, events, ownEvents];
    await Promise.all(loops.map((loop) => loop.run(signal)));
    if (!process.isAlive) return;
    await Promise.all([judge.settled(), lastSeen.settled(), duty.settled()]);
    if (await office.hasEnded()) retire();
  }
}
