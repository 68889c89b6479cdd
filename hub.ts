/**
 * The hub: keeps this node's WireGuard interface as the cluster's Nodes say.
 *
 * own identity → published on the own Node; other Nodes → claims → admitted peers → wanted
 * tunnel, against what is found → changes → applied.
 */
import type { Judgement } from "./lib/contract/admission.ts";
import { annotationKeys, MARKED } from "./lib/contract/annotation_keys.ts";
import { healthPaths } from "./lib/health.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { openCredentials } from "./lib/kubernetes/credentials.ts";
import { NodeWatcher } from "./lib/kubernetes/node_watcher.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { openMetrics } from "./lib/metrics/metrics.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { HUB } from "./lib/options/hub_options.ts";
import { awaitTurn } from "./lib/reconcile/await_turn.ts";
import { ClaimReader } from "./lib/reconcile/claim_reader.ts";
import { EndpointFile } from "./lib/reconcile/endpoint_file.ts";
import { EndpointResolver } from "./lib/reconcile/endpoint_resolver.ts";
import { hubDown } from "./lib/reconcile/hub_down.ts";
import { HubDuty } from "./lib/reconcile/hub_duty.ts";
import { hubFacts } from "./lib/reconcile/hub_facts.ts";
import { hubHealth } from "./lib/reconcile/hub_health.ts";
import { HubOffice } from "./lib/reconcile/hub_office.ts";
import { Judge } from "./lib/reconcile/judge.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { hasSeveralAddresses, NodeAddresses } from "./lib/reconcile/node_addresses.ts";
import { NodeStatuses } from "./lib/reconcile/node_statuses.ts";
import { openTunnel } from "./lib/reconcile/open_tunnel.ts";
import { OwnEvents } from "./lib/reconcile/own_events.ts";
import { RefusalEvents } from "./lib/reconcile/refusal_events.ts";
import { ReconcileLoop, type Turn } from "./lib/reconcile/reconcile_loop.ts";
import { readSurroundings } from "./lib/reconcile/surroundings.ts";
import { wantedHubTunnel } from "./lib/reconcile/wanted_hub_tunnel.ts";
import { runProgram } from "./lib/run_program.ts";
import { serveHttp } from "./lib/serve_http.ts";
import { hubStatus } from "./lib/status/hub_status.ts";
import { showStatus } from "./lib/status/show_status.ts";
import { endpointsOf } from "./lib/wireguard/peer_endpoints.ts";

await runProgram(HUB, async ({ command, options, signal }) => {
  configureLog({ format: options.logFormat, level: options.logLevel });
  if (command === "status") {
    return await showStatus(() => hubStatus(options, signal), options, signal);
  }
  if (command === "down") return await hubDown(options, new LoopLog(logOf("hub")));
  const metrics = await openMetrics(HUB.name, options.metricsAddress);
  const says = new LoopLog(logOf("hub"), metrics?.observer);
  const keys = annotationKeys(options.annotationPrefix);
  const resyncMs = options.resyncInterval * 1000;

  // Who this is. Nothing is changed yet, but that a missing key file is written.
  using lock = await awaitTurn(options, says, signal);
  if (!lock) return;
  await using api = new ApiClient(await openCredentials(options), {
    ...(metrics && { onRequest: metrics.observer.request }),
  });
  using own = await openTunnel(options);
  const { publicKey } = own.privateKey;
  const judge = await Judge.open(options, own.found, says.troubleOf("ledger"));
  const lastSeen = new EndpointFile(options.stateDir, says.troubleOf("endpoints"));
  own.tunnel.recall(await lastSeen.read() ?? new Map());

  // Any event only says: look again.
  const publication = new ReconcileLoop({
    turn: ({ signal }) => office.settle(signal),
    ...says.loop("publication"),
    resyncMs,
  });
  const tunnel = new ReconcileLoop({
    turn: reconcileTunnel,
    ...says.loop("tunnel"),
    resyncMs,
  });
  const self = new NodeWatcher({
    source: api,
    selector: { fieldSelector: `metadata.name=${options.nodeName}` },
    metadataOnly: false, // its addresses are wanted
    onChange: () => {
      office.look();
      publication.mark();
    },
    onResult: says.resultOf("watch of the own node"),
  });
  const peers = new NodeWatcher({
    source: api,
    selector: { labelSelector: `${keys.peer}=${MARKED}` },
    metadataOnly: true,
    onChange: tunnel.mark,
    onResult: says.resultOf("watch of the peers"),
  });
  const others = new NodeAddresses({
    api,
    labelSelector: `${keys.peer}!=${MARKED}`,
    haveSeveral: () => hasSeveralAddresses(self.nodes.get(options.nodeName)),
    onChange: tunnel.mark,
    onResult: says.resultOf("addresses of other nodes"),
  });
  const hubs = new NodeWatcher({
    source: api,
    selector: { labelSelector: `${keys.hub}=${MARKED}` },
    metadataOnly: false, // whether a hub is Ready matters
    onChange: tunnel.mark,
    onResult: says.resultOf("watch of the hubs"),
  });
  const office = new HubOffice({
    api,
    keys,
    publicKey,
    options,
    self,
    onChange: tunnel.mark,
    onObstacle: says.troubleOf("own node"),
  });
  const statuses = new NodeStatuses(api, tunnel.mark, signal, says.resultOf("addresses"));
  const claims = new ClaimReader(keys, statuses);
  const told = { api, reporter: keys.hub, onResult: says.resultOf("events") };
  const events = new RefusalEvents({
    ...told,
    hub: options.nodeName,
    node: (name) => peers.nodes.get(name),
  });
  const ownEvents = new OwnEvents({ ...told, node: () => self.nodes.get(options.nodeName) });
  const duty = await HubDuty.open(options.stateDir, {
    keys,
    nodeName: options.nodeName,
    hubs,
    onSeveral: (text) => {
      says.matter("hubs", text);
      ownEvents.say("SeveralHubs", text);
    },
    onTrouble: says.troubleOf("duty"),
  });
  const names = new EndpointResolver(tunnel.mark);
  let surroundings = readSurroundings(own.network, options.interface);
  let judgement: Judgement | undefined;

  async function reconcileTunnel({ readBack }: Turn): Promise<number | undefined> {
    if (office.isRetired) return retire();
    if (readBack) surroundings = readSurroundings(own.network, options.interface);
    const { isActive, isRouting, lookAgainMs } = duty.look();
    if (peers.synced && hubs.synced) { // before that, a peer that is not here may well exist
      const device = own.tunnel.device ?? own.found;
      const servers = api.host === undefined ? [] : names.addresses(api.host);
      const facts = hubFacts(surroundings, options, {
        ownKey: publicKey,
        device,
        apiServers: servers,
        nodes: others.known,
        ownNode: self.nodes.get(options.nodeName),
        resolve: names.resolve,
      });
      const claimed = claims.read(peers.nodes, options.nodeName);
      judgement = judge.judge(claimed, facts, Date.now());
      const { refusals, remarks } = judgement;
      says.refusals(refusals, remarks);
      events.update(isActive ? [...refusals, ...remarks] : []); // each is told by one hub
    }
    const wanted = wantedHubTunnel(options, own.privateKey, surroundings, judgement, isRouting);
    const report = await own.tunnel.reconcile(wanted, readBack);
    if (judgement) lastSeen.save(endpointsOf(own.tunnel.device));
    says.tunnel(report, (peer) => judgement?.admitted.get(peer)?.node);
    if (judgement) says.inStep(judgement.admitted.size);
    return Math.min(statuses.retryMs ?? Infinity, report.lookAgainMs, lookAgainMs);
  }

  /** The node is no hub any more. */
  function retire(): undefined {
    if (own.tunnel.remove()) says.did("interface removed", { interface: options.interface });
  }

  metrics?.readFrom({
    interface: options.interface,
    read: () => own.tunnel.read(),
    nodeOf: (key) => judgement?.admitted.get(key)?.node,
    watches: () => ({ self, peers, hubs }),
    now: Date.now,
  });
  const health = hubHealth(() => ({
    lastTurn: tunnel.lastTurn,
    now: performance.now(),
    tunnelUp: own.tunnel.hasSettled,
    peersListed: peers.synced,
    hubsListed: hubs.synced,
    isActive: duty.isActive,
    unpublished: office.obstacle,
  }));
  await Promise.all([
    self.run(signal),
    peers.run(signal),
    hubs.run(signal),
    others.run(signal),
    publication.run(signal),
    tunnel.run(signal),
    events.run(signal),
    ownEvents.run(signal),
    watchNetwork(tunnel.markKernel, signal),
    serveHttp([
      { name: "health endpoint", address: options.healthAddress, paths: healthPaths(health) },
      ...(metrics ? [metrics.endpoint] : []),
    ], { signal, ...says.server }),
  ]);
  await Promise.all([judge.settled(), lastSeen.settled(), duty.settled()]);
  if (await office.hasEnded()) retire();
});
