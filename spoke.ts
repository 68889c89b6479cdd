/**
 * The spoke: brings the tunnel's interface up before any API can be reached, registers this machine
 * on its own Node, finds the hub and keeps the tunnel to it.
 *
 * own identity → published on the own Node; Nodes of hubs → claims → the active hub → wanted tunnel,
 * against what is found → changes → applied.
 */
import { hostname } from "node:os";
import { annotationKeys } from "./lib/contract/annotation_keys.ts";
import { spokePublication } from "./lib/contract/spoke_publication.ts";
import { daemonize, isInBackground, tellParent } from "./lib/daemonize.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { awaitCredentials } from "./lib/kubernetes/await_credentials.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { openMetrics } from "./lib/metrics/metrics.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { SPOKE } from "./lib/options/spoke_options.ts";
import { takePidFile } from "./lib/pid_file.ts";
import { EndpointResolver } from "./lib/reconcile/endpoint_resolver.ts";
import { FirstContact } from "./lib/reconcile/first_contact.ts";
import { HubFollower } from "./lib/reconcile/hub_follower.ts";
import { type JoinProgress, joinProgress, untilJoined } from "./lib/reconcile/join_progress.ts";
import { LastKnownGood } from "./lib/reconcile/last_known_good.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { openTunnel } from "./lib/reconcile/open_tunnel.ts";
import { ReconcileLoop, type Turn } from "./lib/reconcile/reconcile_loop.ts";
import { narrowest, narrowPath, pathMtus } from "./lib/reconcile/path_mtu.ts";
import { readResolvers } from "./lib/reconcile/resolvers.ts";
import { SiteFollower } from "./lib/reconcile/site_follower.ts";
import { moment } from "./lib/reconcile/site_link.ts";
import { SpokeCluster } from "./lib/reconcile/spoke_cluster.ts";
import { spokeDown } from "./lib/reconcile/spoke_down.ts";
import { lockSpoke } from "./lib/reconcile/spoke_lock.ts";
import { serversOf, sourceTowards, spokePolicy } from "./lib/reconcile/spoke_policy.ts";
import { readSurroundings, tunnelMtu } from "./lib/reconcile/surroundings.ts";
import type { WantedTunnel } from "./lib/reconcile/tunnel.ts";
import { writePublicKey } from "./lib/reconcile/write_public_key.ts";
import { runProgram, Unfinished } from "./lib/run_program.ts";
import { serveHttp } from "./lib/serve_http.ts";
import { ServiceManager } from "./lib/service_manager.ts";
import { showStatus } from "./lib/status/show_status.ts";
import { spokeStatus } from "./lib/status/spoke_status.ts";
import { messageOf } from "./lib/user_error.ts";

/** A turn that takes longer than this, in ms, is stuck: turns come every 10 s at least, 15 s after errors. */
const STUCK = 60_000;

await runProgram(SPOKE, async ({ command, options, signal, onHangup }) => {
  const starts = command === undefined && !options.once;
  if (starts && options.daemonize && !isInBackground()) return await daemonize(options.logFile);
  configureLog({
    format: options.logFormat,
    level: options.logLevel,
    ...(isInBackground() && { file: options.logFile }),
  });
  const nodeName = options.nodeName ?? hostname();
  const configFile = `/etc/wireguard/${options.interface}.conf`;
  if (command === "status") {
    return await showStatus(() => spokeStatus(options, nodeName, signal), options, signal);
  }
  if (command === "down") {
    return await spokeDown(options, { nodeName, configFile }, new LoopLog(logOf("spoke")));
  }
  const metrics = await openMetrics(SPOKE.name, options.metricsAddress);
  const says = new LoopLog(logOf("spoke"), metrics?.observer);
  using _pidFile = isInBackground() ? await takePidFile(Deno.pid) : undefined;
  const onResult = says.resultOf("systemd");
  const service = new ServiceManager({ env: Deno.env, pid: Deno.pid, onResult });
  const itself = { pid: Deno.pid, isService: service.isThere };
  using _lock = await lockSpoke(options.interface, itself, says.noLock);
  const keys = annotationKeys(options.annotationPrefix);
  const resyncMs = options.pollInterval * 1000;
  const done = new AbortController();
  const running = AbortSignal.any([signal, done.signal]);

  // Who this is, and the tunnel as it last worked: no API, no network, no name service needed.
  using own = await openTunnel(options);
  const ownKey = own.privateKey.publicKey;
  const lastKnown = new LastKnownGood(configFile, ownKey);
  let cluster: SpokeCluster | undefined;
  let api: ApiClient | undefined;
  let surroundings = readSurroundings(own.network, options.interface);
  let resolvers = await readResolvers();

  // Any event only says: look again.
  const told = says.loop("tunnel");
  const tunnel = new ReconcileLoop({
    turn: reconcileTunnel,
    ...told,
    onResult: (error) => {
      if (error !== undefined) tellParent(messageOf(error));
      told.onResult(error);
    },
    resyncMs,
  });
  const names = new EndpointResolver(tunnel.mark);
  says.matter("public key", await writePublicKey(options.privateKeyFile, ownKey));
  const follower = new HubFollower({ options, keys, ownKey, names, says });
  // Whoever ends soon is in no site: somebody has to listen whether its peers are still there.
  const site = options.once ? undefined : options.site;
  const publication = spokePublication(ownKey, { ...options, site });
  const sites = SiteFollower.of({ options, nodeName, keys, ownKey, publication, says });
  let last: WantedTunnel | undefined;
  let hubs = own.found?.peers.size ? undefined : follower.acceptable(await lastKnown.peers());
  const contact = new FirstContact(Boolean(own.found?.peers.size || hubs));

  async function reconcileTunnel({ readBack }: Turn): Promise<number> {
    if (readBack) {
      surroundings = readSurroundings(own.network, options.interface);
      resolvers = await readResolvers();
    }
    const apiServers = api ? serversOf(api, Deno.env, (host) => names.addresses(host)) : [];
    if (readBack) cluster?.reachedFrom(sourceTowards(own.network, apiServers));
    const device = (sites && await own.tunnel.observe(0)) ?? own.tunnel.device ?? own.found;
    let contactMs = 0;
    if (cluster?.hubs) {
      const { routes: otherRoutes, gateways } = surroundings;
      const facts = { addresses: options.address, otherRoutes, gateways, resolvers };
      const found = follower.peers(cluster.hubs.values(), facts, device, Date.now());
      contactMs = contact.waitMs(found !== undefined, cluster.registered, performance.now());
      if (found && contactMs === 0) hubs = found;
    }
    const around = { ...surroundings, hubs: cluster?.hubs, peers: cluster?.peers };
    const peers = hubs && sites ? sites.peers(hubs, around, device, moment()) : hubs;
    // What a peer of the site has lies within the hub's prefixes.
    const routed = [...(hubs ?? device?.peers)?.values() ?? []];
    const paths = pathMtus(own.network, options.interface, peers ?? device?.peers);
    const mtu = options.mtu ?? tunnelMtu(narrowest(paths) ?? surroundings.underlayMtu);
    says.matter("path", narrowPath(paths, mtu));
    const wanted = last = {
      addresses: options.address,
      mtu,
      policy: spokePolicy(own.network, routed, apiServers),
      device: {
        privateKey: own.privateKey,
        listenPort: options.listenPort,
        fwmark: 0,
        ...(peers && { peers }),
      },
    };
    const report = await own.tunnel.reconcile(wanted, readBack);
    says.tunnel(report, (key) => follower.nameOf(key) ?? sites?.nameOf(key));
    tellParent();
    service.ready();
    service.status(progress().text);
    if (hubs) { // a peer of the site is one only while it is heard: that no file can say
      const config = { ...wanted, ...wanted.device, peers: [...hubs.values()] };
      says.matter("last known good", await lastKnown.save(config));
    }
    const siteMs = sites?.lookAgainMs(moment()) ?? Infinity;
    return Math.min(report.lookAgainMs, siteMs, contactMs || Infinity);
  }

  /** Waits for the kubelet's credential, then registers this node and follows the hubs. */
  async function joinCluster(): Promise<void> {
    const credentials = await awaitCredentials(options, says.resultOf("credentials"), running);
    if (!credentials) return;
    await using client = api = new ApiClient(credentials, {
      ...(metrics && { onRequest: metrics.observer.request }),
    });
    const onChange = tunnel.mark;
    cluster = new SpokeCluster({
      api: client,
      nodeName,
      keys,
      publication,
      says,
      resyncMs,
      onChange,
    });
    tunnel.markKernel(); // whence this machine reaches the API server, it tells by its routes
    await cluster.run(running);
  }

  function progress(): JoinProgress {
    const [key] = hubs?.keys() ?? [];
    const hub = key && own.tunnel.device?.peers.get(key);
    return joinProgress({
      hasCredential: api !== undefined,
      isRegistered: cluster?.registered ?? false,
      hub: key && follower.nameOf(key),
      lastHandshake: hub?.lastHandshake,
    }, Date.now());
  }

  metrics?.readFrom({
    interface: options.interface,
    read: () => own.tunnel.read(),
    nodeOf: (key) => follower.nameOf(key) ?? sites?.nameOf(key),
    watches: () => cluster?.watches ?? {},
    now: Date.now,
  });
  onHangup(() => {
    cluster?.reconnect();
    tunnel.markKernel();
  });
  const [left] = await Promise.all([
    options.once
      ? untilJoined(progress, tunnel.markKernel, options.onceLimit * 1000, signal).finally(() =>
        done.abort()
      )
      : undefined,
    tunnel.run(running),
    watchNetwork(tunnel.markKernel, running),
    joinCluster(),
    serveHttp(metrics ? [metrics.endpoint] : [], { signal: running, ...says.server }),
    service.keepAlive(() => performance.now() - tunnel.lastTurn < STUCK, running),
  ]);
  if (sites && last) await own.tunnel.reconcile(sites.settled(last), false);
  if (left !== undefined && !signal.aborted) {
    throw new Unfinished(`not joined within ${options.onceLimit} s: ${left}`);
  }
});
