import { spokePublication } from "../../lib/contract/spoke_publication.ts";
import { logOf } from "../../lib/log.ts";
import { EndpointResolver } from "../../lib/reconcile/endpoint_resolver.ts";
import { FirstContact } from "../../lib/reconcile/first_contact.ts";
import { HubFollower } from "../../lib/reconcile/hub_follower.ts";
import { LastKnownGood } from "../../lib/reconcile/last_known_good.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import { narrowest, narrowPath, pathMtus } from "../../lib/reconcile/path_mtu.ts";
import { ReconcileLoop, type Turn } from "../../lib/reconcile/reconcile_loop.ts";
import { SpokeCluster } from "../../lib/reconcile/spoke_cluster.ts";
import { serversOf, sourceTowards, spokePolicy } from "../../lib/reconcile/spoke_policy.ts";
import { readSurroundings, tunnelMtu } from "../../lib/reconcile/surroundings.ts";
import { takeOver } from "../../lib/reconcile/take_over.ts";
import { Tunnel } from "../../lib/reconcile/tunnel.ts";
import { writePublicKey } from "../../lib/reconcile/write_public_key.ts";
import type { WantedPeers } from "../../lib/wireguard/plan_device.ts";
import { backendOf, networkOf } from "./process_kernel.ts";
import { FILES, PORT } from "./simulated_machine.ts";
import { KEYS } from "./simulated_nodes.ts";
import type { ProgramParts, SimulatedProgram } from "./simulated_program.ts";

const RESYNC = 60_000;
const NO_VARIABLES = { get: () => undefined };
/** How long a watch is trusted alone: less than in the program, as a life here is short. */
const RELIST = 120_000;
/** Seconds, as by default. */
export const KEEPALIVE = 25;

/** One process of the spoke: put together as spoke.ts does, of the same parts, on a simulated machine. */
export class SimulatedSpoke implements SimulatedProgram {
  /** The peers that it found on its disk and took up; undefined if it began with none, or with an interface. */
  remembered: WantedPeers | undefined;
  readonly #parts: ProgramParts;

  constructor(parts: ProgramParts) {
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { machine: { host, kind }, process, session: api, root, witness, onTurn } = this.#parts;
    const options = {
      interface: "wg0",
      address: kind.address,
      allowedIPs: kind.allowedIPs,
      endpoint: undefined,
      site: undefined,
      vpcIP: undefined,
      listenPort: PORT,
      persistentKeepalive: KEEPALIVE,
      hubPublicKey: undefined,
      hubAllowedIPs: undefined,
      privateKeyFile: `${root}/${FILES.key}`,
      adopt: false,
    };
    const { signal } = process;
    const says = new LoopLog(logOf(kind.name));
    const network = networkOf(host, process.kernelStep, witness);
    const backend = backendOf(host, process.kernelStep, witness);
    const ownTunnel = new Tunnel({ network, backend, name: options.interface, now: Date.now });
    const own = await takeOver(ownTunnel, options);
    const ownKey = own.privateKey.publicKey;
    const lastKnown = new LastKnownGood(`${root}/${FILES.lastKnownGood}`, ownKey);
    let surroundings = readSurroundings(network, options.interface);

    const tunnel = new ReconcileLoop({
      turn: (turn) => reconcileTunnel(turn),
      ...says.loop("tunnel"),
      resyncMs: RESYNC,
    });
    const names = new EndpointResolver(tunnel.mark, undefined, () => Promise.resolve([]));
    says.matter("public key", await writePublicKey(options.privateKeyFile, ownKey));
    const follower = new HubFollower({ options, keys: KEYS, ownKey, names, says });
    let peers = own.found?.peers.size ? undefined : follower.acceptable(await lastKnown.peers());
    this.remembered = peers;
    const contact = new FirstContact(Boolean(own.found?.peers.size || peers));
    const cluster = new SpokeCluster({
      api,
      nodeName: kind.name,
      keys: KEYS,
      publication: spokePublication(ownKey, options),
      says,
      resyncMs: RESYNC,
      onChange: tunnel.mark,
      time: { resyncMs: RELIST },
    });

    const reconcileTunnel = async ({ readBack }: Turn): Promise<number> => {
      if (readBack) surroundings = readSurroundings(network, options.interface);
      const apiServers = serversOf(api, NO_VARIABLES, (host) => names.addresses(host));
      if (readBack) cluster.reachedFrom(sourceTowards(network, apiServers));
      const device = ownTunnel.device ?? own.found;
      let contactMs = 0;
      if (cluster.hubs) {
        const { routes: otherRoutes, gateways } = surroundings;
        const facts = { addresses: options.address, otherRoutes, gateways, resolvers: [] };
        const found = follower.peers(cluster.hubs.values(), facts, device, Date.now());
        contactMs = contact.waitMs(found !== undefined, cluster.registered, performance.now());
        if (found && contactMs === 0) peers = found;
      }
      const routed = [...(peers ?? device?.peers)?.values() ?? []];
      const paths = pathMtus(network, options.interface, peers ?? device?.peers);
      const mtu = tunnelMtu(narrowest(paths) ?? surroundings.underlayMtu);
      says.matter("path", narrowPath(paths, mtu));
      const wanted = {
        addresses: options.address,
        mtu,
        policy: spokePolicy(network, routed, apiServers),
        device: {
          privateKey: own.privateKey,
          listenPort: options.listenPort,
          fwmark: 0,
          ...(peers && { peers }),
        },
      };
      const report = await ownTunnel.reconcile(wanted, readBack);
      says.tunnel(report, (key) => follower.nameOf(key));
      onTurn();
      if (peers) {
        const config = { ...wanted, ...wanted.device, peers: [...peers.values()] };
        says.matter("last known good", await lastKnown.save(config));
      }
      return Math.min(report.lookAgainMs, contactMs || Infinity);
    };

    this.#parts.onNotify(tunnel.markKernel);
    this.#parts.onReopen(() => {
      cluster.reconnect();
      tunnel.markKernel();
    });
    await Promise.all([tunnel.run(signal), cluster.run(signal)]);
  }
}
