import { logOf } from "../../lib/log.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import { openSpokeMemory } from "../../lib/spoke/spoke_memory.ts";
import { SpokePipeline } from "../../lib/spoke/spoke_pipeline.ts";
import { takeOver } from "../../lib/tunnel/take_over.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import type { WantedPeers } from "../../lib/wireguard/plan_device.ts";
import { backendOf, networkOf } from "./process_kernel.ts";
import { FILES, PORT } from "./simulated_machine.ts";
import { KEYS } from "./simulated_nodes.ts";
import type { ProgramParts, SimulatedProgram } from "./simulated_program.ts";

const NO_VARIABLES = { get: () => undefined };
/** How long a watch is trusted alone: less than in the program, as a life here is short. */
const RELIST = 120_000;
/** Seconds, as by default. */
export const KEEPALIVE = 25;

/** One process of the spoke, or of a member: the pipeline that spoke.ts runs, on a simulated machine. */
export class SimulatedSpoke implements SimulatedProgram {
  /** The peers that it found on its disk and took up; undefined if it began with none, or with an interface. */
  remembered: WantedPeers | undefined;
  readonly #parts: ProgramParts;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { machine, process, session: api, root, witness, clock } = this.#parts;
    const { host, kind } = machine;
    const options = {
      interface: "wg0",
      address: kind.address,
      allowedIPs: kind.allowedIPs,
      endpoint: undefined,
      site: undefined,
      vpcIP: undefined,
      member: kind.role === "member",
      listenPort: PORT,
      persistentKeepalive: KEEPALIVE,
      hubPublicKey: undefined,
      hubAllowedIPs: kind.tunnelCidrs,
      mtu: undefined,
      pollInterval: 60, // the default, 10, would bring about what an event should
      configFile: `${root}/${FILES.lastKnownGood}`,
      privateKeyFile: `${root}/${FILES.key}`,
      adopt: false,
    };
    const { signal } = process;
    const says = new LoopLog(logOf(kind.name));
    const network = networkOf(host, process.kernelStep, witness);
    const backend = backendOf(host, process.kernelStep, witness);
    const tunnel = new Tunnel({ network, backend, name: options.interface, now: clock.wall });
    const own = { network, tunnel, ...await takeOver(tunnel, options) };
    const spoke = new SpokePipeline({
      options,
      nodeName: kind.name,
      keys: KEYS,
      own,
      memory: await openSpokeMemory(options, own, says),
      says,
      env: NO_VARIABLES,
      onTurn: (error) => error === undefined && this.#parts.onTurn(),
      clock,
      lookUp: () => Promise.resolve([]),
      readResolvers: () => Promise.resolve([]),
      relistMs: RELIST,
    });
    this.remembered = spoke.hub;
    this.#parts.onNotify(spoke.markKernel);
    this.#parts.onReopen(() => spoke.reconnect());
    await Promise.all([spoke.run(signal), spoke.join(api, signal)]);
    if (process.isAlive) await spoke.end();
  }
}
