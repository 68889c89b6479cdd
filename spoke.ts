/**
 * The spoke: brings the tunnel's interface up before any API can be reached, registers this machine
 * on its own Node, finds the hub and keeps the tunnel to it.
 *
 * own identity → published on the own Node; Nodes of hubs → claims → the active hub → wanted tunnel,
 * against what is found → changes → applied.
 */
import { hostname } from "node:os";
import { announceReady } from "./lib/announce_ready.ts";
import { annotationKeys, MARKED } from "./lib/contract/annotation_keys.ts";
import { spokePublication } from "./lib/contract/spoke_publication.ts";
import { daemonize, isInBackground } from "./lib/daemonize.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { awaitCredentials } from "./lib/kubernetes/await_credentials.ts";
import { NodeWatcher } from "./lib/kubernetes/node_watcher.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { SPOKE } from "./lib/options/spoke_options.ts";
import { EndpointResolver } from "./lib/reconcile/endpoint_resolver.ts";
import { HubFollower } from "./lib/reconcile/hub_follower.ts";
import { LastKnownGood } from "./lib/reconcile/last_known_good.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { openTunnel } from "./lib/reconcile/open_tunnel.ts";
import { publish } from "./lib/reconcile/publish.ts";
import { ReconcileLoop, type Turn } from "./lib/reconcile/reconcile_loop.ts";
import { readResolvers } from "./lib/reconcile/resolvers.ts";
import { serversOf, spokePolicy } from "./lib/reconcile/spoke_policy.ts";
import { readSurroundings, tunnelMtu } from "./lib/reconcile/surroundings.ts";
import { runProgram } from "./lib/run_program.ts";

await runProgram(SPOKE, async ({ options, signal }) => {
  if (options.daemonize && !isInBackground()) return await daemonize(options.logFile);
  configureLog({
    format: options.logFormat,
    level: options.logLevel,
    ...(isInBackground() && { file: options.logFile }),
  });
  const says = new LoopLog(logOf("spoke"));
  const keys = annotationKeys(options.annotationPrefix);
  const nodeName = options.nodeName ?? hostname();
  const resyncMs = options.pollInterval * 1000;

  // Who this is, and the tunnel as it last worked: no API, no network, no name service needed.
  using own = await openTunnel(options);
  const lastKnown = new LastKnownGood(`/etc/wireguard/${options.interface}.conf`);
  let hubs: NodeWatcher | undefined;
  let apiUrl: string | undefined;
  let announced = false;
  let surroundings = readSurroundings(own.network, options.interface);
  let resolvers = await readResolvers();

  // Any event only says: look again.
  const tunnel = new ReconcileLoop({
    turn: reconcileTunnel,
    onResult: says.resultOf("tunnel"),
    resyncMs,
  });
  const names = new EndpointResolver(tunnel.mark);
  const ownKey = own.privateKey.publicKey;
  const follower = new HubFollower({ options, keys, ownKey, names, says });
  let peers = own.found?.peers.size ? undefined : follower.acceptable(await lastKnown.peers());

  async function reconcileTunnel({ readBack }: Turn): Promise<void> {
    if (readBack) {
      surroundings = readSurroundings(own.network, options.interface);
      resolvers = await readResolvers();
    }
    const device = own.tunnel.device ?? own.found;
    if (hubs?.synced) {
      const { routes: otherRoutes, gateways } = surroundings;
      const facts = { addresses: options.address, otherRoutes, gateways, resolvers };
      peers = follower.peers(hubs.nodes.values(), facts, device, Date.now()) ?? peers;
    }
    const routed = [...(peers ?? device?.peers)?.values() ?? []];
    const apiServers = serversOf(apiUrl, (host) => names.addresses(host));
    const wanted = {
      addresses: options.address,
      mtu: options.mtu ?? tunnelMtu(surroundings.underlayMtu),
      policy: spokePolicy(own.network, routed, apiServers),
      device: {
        privateKey: own.privateKey,
        listenPort: options.listenPort,
        fwmark: 0,
        ...(peers && { peers }),
      },
    };
    says.tunnel(await own.tunnel.reconcile(wanted, readBack), (key) => follower.nameOf(key));
    if (!announced) announceReady(Deno.env.get("NOTIFY_SOCKET"));
    announced = true;
    if (peers) {
      const config = { ...wanted, ...wanted.device, peers: [...peers.values()] };
      says.matter("last known good", await lastKnown.save(config));
    }
  }

  /** Waits for the kubelet's credential, then registers this node and follows the hubs. */
  async function joinCluster(): Promise<void> {
    const credentials = await awaitCredentials(options, says.resultOf("credentials"), signal);
    if (!credentials) return;
    await using api = new ApiClient(credentials);
    apiUrl = api.baseUrl;
    tunnel.mark();
    const publication = new ReconcileLoop({
      turn: async () => {
        const node = self.nodes.get(nodeName);
        const missing = self.synced && !node;
        says.matter("own node", missing && "is not there yet, waiting for the kubelet", {
          node: nodeName,
        });
        if (!node) return;
        const wanted = spokePublication(ownKey, options);
        await publish(api, node, wanted, keys, signal);
      },
      onResult: says.resultOf("publication"),
      resyncMs,
    });
    const self = new NodeWatcher({
      source: api,
      selector: { fieldSelector: `metadata.name=${nodeName}` },
      metadataOnly: true,
      onChange: publication.mark,
      onResult: says.resultOf("watch of the own node"),
    });
    hubs = new NodeWatcher({
      source: api,
      selector: { labelSelector: `${keys.hub}=${MARKED}` },
      metadataOnly: false, // whether a hub is Ready matters
      onChange: tunnel.mark,
      onResult: says.resultOf("watch of the hubs"),
    });
    await Promise.all([self.run(signal), hubs.run(signal), publication.run(signal)]);
  }

  await Promise.all([
    tunnel.run(signal),
    watchNetwork(tunnel.markKernel, signal),
    joinCluster(),
  ]);
});
