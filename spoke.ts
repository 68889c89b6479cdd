/**
 * The spoke: brings the tunnel's interface up before any API can be reached, registers this machine
 * on its own Node, finds the hub and keeps the tunnel to it.
 *
 * own identity → published on the own Node; Nodes of hubs → claims → the active hub → wanted tunnel,
 * against what is found → changes → applied.
 */
import { hostname } from "node:os";
import { announceReady } from "./lib/announce_ready.ts";
import { activeHub } from "./lib/contract/active_hub.ts";
import { annotationKeys, MARKED } from "./lib/contract/annotation_keys.ts";
import { hubPeer } from "./lib/contract/hub_peer.ts";
import { spokePublication } from "./lib/contract/spoke_publication.ts";
import { tunnelPrefixes } from "./lib/contract/tunnel_prefixes.ts";
import { daemonize, isInBackground } from "./lib/daemonize.ts";
import type { IpAddress } from "./lib/ip/address.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { awaitCredentials } from "./lib/kubernetes/await_credentials.ts";
import { NodeWatcher } from "./lib/kubernetes/node_watcher.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { SPOKE } from "./lib/options/spoke_options.ts";
import { EndpointResolver } from "./lib/reconcile/endpoint_resolver.ts";
import { LastKnownGood } from "./lib/reconcile/last_known_good.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { openTunnel } from "./lib/reconcile/open_tunnel.ts";
import { publish } from "./lib/reconcile/publish.ts";
import { ReconcileLoop, type Turn } from "./lib/reconcile/reconcile_loop.ts";
import { readSurroundings, tunnelMtu } from "./lib/reconcile/surroundings.ts";
import { runProgram } from "./lib/run_program.ts";
import type { WantedPeers } from "./lib/wireguard/plan_device.ts";

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
  let peers = own.found?.peers.size ? undefined : await lastKnown.peers();
  let hubs: NodeWatcher | undefined;
  let apiServer: IpAddress | undefined;
  let hubName: string | undefined;
  let announced = false;
  let surroundings = readSurroundings(own.network, options.interface);

  // Any event only says: look again.
  const tunnel = new ReconcileLoop({
    turn: reconcileTunnel,
    onResult: says.resultOf("tunnel"),
    resyncMs,
  });
  const names = new EndpointResolver(tunnel.mark);

  async function reconcileTunnel({ readBack }: Turn): Promise<void> {
    if (readBack) surroundings = readSurroundings(own.network, options.interface);
    peers = hubs?.synced ? peersOf(hubs) ?? peers : peers;
    const wanted = {
      addresses: options.address,
      mtu: options.mtu ?? tunnelMtu(surroundings.underlayMtu),
      device: {
        privateKey: own.privateKey,
        listenPort: options.listenPort,
        fwmark: 0,
        ...(peers && { peers }),
      },
    };
    says.tunnel(await own.tunnel.reconcile(wanted, readBack), () => hubName);
    if (!announced) announceReady(Deno.env.get("NOTIFY_SOCKET"));
    announced = true;
    if (peers) {
      const config = { ...wanted, ...wanted.device, peers: [...peers.values()] };
      says.matter("last known good", await lastKnown.save(config));
    }
  }

  /** The active hub as the only peer; undefined (all stays as it is) while there is none. */
  function peersOf({ nodes }: NodeWatcher): WantedPeers | undefined {
    const { hub, claims } = activeHub(nodes.values(), keys, options.hubPublicKey);
    const faults = claims.flatMap((claim) => claim.faults);
    const endpoint = hub && names.resolve(hub.endpoint);
    says.matter("hub", !hub && `no node is a complete hub; the tunnel stays as it is`);
    if (!hub || !endpoint) {
      says.refusals(faults);
      return undefined;
    }
    const { prefixes, refusals } = tunnelPrefixes(options.hubAllowedIPs, hub, {
      addresses: options.address,
      outside: apiServer ? [endpoint.host, apiServer] : [endpoint.host],
      gateways: surroundings.gateways,
      otherRoutes: surroundings.routes,
    });
    says.refusals([...faults, ...refusals]);
    hubName = hub.node;
    return hubPeer(hub, endpoint, prefixes, options.persistentKeepalive);
  }

  /** Waits for the kubelet's credential, then registers this node and follows the hubs. */
  async function joinCluster(): Promise<void> {
    const credentials = await awaitCredentials(options, says.resultOf("credentials"), signal);
    if (!credentials) return;
    await using api = new ApiClient(credentials);
    apiServer = api.address;
    const publication = new ReconcileLoop({
      turn: async () => {
        const node = self.nodes.get(nodeName);
        const missing = self.synced && !node;
        says.matter("own node", missing && "is not there yet, waiting for the kubelet", {
          node: nodeName,
        });
        if (!node) return;
        const wanted = spokePublication(own.privateKey.publicKey, options);
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
