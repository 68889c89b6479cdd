/**
 * The hub: keeps this node's WireGuard interface as the cluster's Nodes say.
 *
 * own identity → published on the own Node; other Nodes → claims → admitted peers → wanted
 * tunnel, against what is found → changes → applied.
 */
import { admit, type Judgement } from "./lib/contract/admission.ts";
import { annotationKeys, MARKED } from "./lib/contract/annotation_keys.ts";
import { hubPublication } from "./lib/contract/hub_publication.ts";
import { firstLedger } from "./lib/contract/rebuild_ledger.ts";
import { wantedPeers } from "./lib/contract/wanted_peers.ts";
import { serveHealth } from "./lib/health.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { openCredentials } from "./lib/kubernetes/credentials.ts";
import { NodeWatcher } from "./lib/kubernetes/node_watcher.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { HUB } from "./lib/options/hub_options.ts";
import { ClaimReader } from "./lib/reconcile/claim_reader.ts";
import { EndpointResolver } from "./lib/reconcile/endpoint_resolver.ts";
import { hubFacts } from "./lib/reconcile/hub_facts.ts";
import { hubHealth } from "./lib/reconcile/hub_health.ts";
import { LedgerFile } from "./lib/reconcile/ledger_file.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { NodeStatuses } from "./lib/reconcile/node_statuses.ts";
import { openTunnel } from "./lib/reconcile/open_tunnel.ts";
import { publish } from "./lib/reconcile/publish.ts";
import { RefusalEvents } from "./lib/reconcile/refusal_events.ts";
import { ReconcileLoop, type Turn } from "./lib/reconcile/reconcile_loop.ts";
import { readSurroundings, tunnelMtu } from "./lib/reconcile/surroundings.ts";
import { runProgram } from "./lib/run_program.ts";

await runProgram(HUB, async ({ options, signal }) => {
  configureLog({ format: options.logFormat, level: options.logLevel });
  const says = new LoopLog(logOf("hub"));
  const keys = annotationKeys(options.annotationPrefix);
  const holdMs = options.claimHold * 1000;
  const resyncMs = options.resyncInterval * 1000;

  // Who this is. Nothing is changed yet, but that a missing key file is written.
  await using api = new ApiClient(await openCredentials(options));
  using own = await openTunnel(options);
  const { publicKey } = own.privateKey;
  const ledgerFile = new LedgerFile(options.stateDir, (text) => says.matter("ledger", text));
  const ledger = await ledgerFile.read();

  // Any event only says: look again.
  const publication = new ReconcileLoop({
    turn: publishSelf,
    onResult: says.resultOf("publication"),
    resyncMs,
  });
  const tunnel = new ReconcileLoop({
    turn: reconcileTunnel,
    onResult: says.resultOf("tunnel"),
    resyncMs,
  });
  const self = new NodeWatcher({
    source: api,
    selector: { fieldSelector: `metadata.name=${options.nodeName}` },
    metadataOnly: false, // its addresses are wanted
    onChange: publication.mark,
    onResult: says.resultOf("watch of the own node"),
  });
  const peers = new NodeWatcher({
    source: api,
    selector: { labelSelector: `${keys.peer}=${MARKED}` },
    metadataOnly: true,
    onChange: tunnel.mark,
    onResult: says.resultOf("watch of the peers"),
  });
  const statuses = new NodeStatuses(api, tunnel.mark, signal);
  const claims = new ClaimReader(keys, statuses);
  const events = new RefusalEvents({
    api,
    reporter: keys.hub,
    hub: options.nodeName,
    node: (name) => peers.nodes.get(name),
    onResult: says.resultOf("events"),
  });
  const names = new EndpointResolver(tunnel.mark);
  let surroundings = readSurroundings(own.network, options.interface);
  let judgement: Judgement | undefined;
  let unpublished: string | undefined = "the own node has not been read yet";

  async function publishSelf(): Promise<void> {
    const node = self.nodes.get(options.nodeName);
    if (!node) {
      unpublished = `there is no node ${options.nodeName}`;
      return says.matter("self", self.synced && unpublished);
    }
    const wanted = hubPublication(node, publicKey, options);
    await publish(api, node, wanted, keys, signal);
    unpublished = wanted.endpoint ? undefined : "no ExternalIP on the node, and no --endpoint";
    says.matter("self", unpublished, { node: node.name });
  }

  async function reconcileTunnel({ readBack }: Turn): Promise<number | undefined> {
    if (readBack) surroundings = readSurroundings(own.network, options.interface);
    if (peers.synced) { // before that, a peer that is not here may well exist
      const device = own.tunnel.device ?? own.found;
      const facts = hubFacts(surroundings, options, publicKey, device, api.address, names.resolve);
      const claimed = claims.read(peers.nodes, options.nodeName);
      const before = judgement?.ledger ?? firstLedger(ledger, own.found, claimed);
      judgement = admit(claimed, facts, before, { now: Date.now(), holdMs });
      ledgerFile.save(judgement.ledger);
      says.refusals(judgement.refusals);
      events.update(judgement.refusals);
    }
    const report = await own.tunnel.reconcile({
      addresses: options.address,
      mtu: options.mtu ?? tunnelMtu(surroundings.underlayMtu),
      device: {
        privateKey: own.privateKey,
        listenPort: options.listenPort,
        fwmark: 0,
        ...(judgement && { peers: wantedPeers(judgement.admitted) }),
      },
    }, readBack);
    says.tunnel(report, (peer) => judgement?.admitted.get(peer)?.node);
    if (judgement) says.inStep(judgement.admitted.size);
    return Math.min(statuses.retryMs ?? Infinity, report.lookAgainMs);
  }

  const health = hubHealth(() => ({
    lastTurn: tunnel.lastTurn,
    now: performance.now(),
    tunnelUp: own.tunnel.device !== undefined,
    peersListed: peers.synced,
    unpublished,
  }));
  await Promise.all([
    self.run(signal),
    peers.run(signal),
    publication.run(signal),
    tunnel.run(signal),
    events.run(signal),
    watchNetwork(tunnel.markKernel, signal),
    serveHealth(options.healthAddress, { state: health, signal, ...says.health }),
  ]);
  await ledgerFile.settled();
});
