import type { Judgement } from "../../lib/contract/admission.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { NodeWatcher } from "../../lib/kubernetes/node_watcher.ts";
import { logOf } from "../../lib/log.ts";
import { NO_OBSERVER } from "../../lib/metrics/observer.ts";
import { openHubMemory } from "../../lib/hub/hub_memory.ts";
import { HubPipeline } from "../../lib/hub/hub_pipeline.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import { takeOver } from "../../lib/tunnel/take_over.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import { backendOf, networkOf } from "./process_kernel.ts";
import { FILES, PORT } from "./simulated_machine.ts";
import { KEYS } from "./simulated_nodes.ts";
import type { ProgramParts, SimulatedProgram } from "./simulated_program.ts";

const PEER_CIDRS = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "fc00::/7",
] as Cidr[];
/** How long a watch is trusted alone: less than in the program, as a life here is short. */
const RELIST = 120_000;

/** One process of the hub: the pipeline that hub.ts runs, on a simulated machine. */
export class SimulatedHub implements SimulatedProgram {
  readonly #parts: ProgramParts;
  /** Undefined before it has begun to watch. */
  #pipeline: HubPipeline | undefined;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  /** What it knows of the peers. */
  get peers(): Pick<NodeWatcher, "nodes"> {
    return this.#pipeline?.watches.peers ?? { nodes: new Map() };
  }

  get judgement(): Judgement | undefined {
    return this.#pipeline?.admission.judgement;
  }

  get isActive(): boolean {
    return this.#pipeline?.signs.isActive ?? true;
  }

  /** What it judges by, now. */
  get facts(): LocalFacts | undefined {
    return this.#pipeline?.facts;
  }

  async run(): Promise<void> {
    const { machine: { host, kind }, process, session: api, root, witness, clock, onTurn } =
      this.#parts;
    const options = {
      nodeName: kind.name,
      interface: "wg0",
      address: kind.address,
      allowedIPs: undefined,
      endpoint: kind.endpoint,
      listenPort: PORT,
      mtu: undefined,
      resyncInterval: 60,
      peerCidrs: PEER_CIDRS,
      stateDir: `${root}/${FILES.state}`,
      claimHold: this.#parts.claimHold,
      privateKeyFile: `${root}/${FILES.key}`,
      adopt: false,
    };
    const { signal } = process;
    const says = new LoopLog(logOf(kind.name), {
      ...NO_OBSERVER,
      turn: (loop, _, ok) => loop === "tunnel" && ok && onTurn(),
    });
    const network = networkOf(host, process.kernelStep, witness);
    const backend = backendOf(host, process.kernelStep, witness);
    const tunnel = new Tunnel({ network, backend, name: options.interface, now: clock.wall });
    const own = { network, tunnel, ...await takeOver(tunnel, options) };
    const hub = this.#pipeline = new HubPipeline({
      options,
      keys: KEYS,
      api,
      own,
      memory: await openHubMemory(options, own, says),
      says,
      signal,
      clock,
      lookUp: () => Promise.resolve([]),
      resolvers: () => Promise.resolve([]),
      relistMs: RELIST,
    });
    this.#parts.onNotify(hub.markKernel);
    this.#parts.onReopen(hub.watches.peers.reopen);
    await hub.run(signal);
    if (process.isAlive) await hub.end();
  }
}
