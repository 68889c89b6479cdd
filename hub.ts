/**
 * The hub: keeps this node's WireGuard interface as the cluster's Nodes say.
 *
 * own identity → published on the own Node; other Nodes → claims → admitted peers → wanted
 * tunnel, against what is found → changes → applied.
 *
 * {@linkcode HubPipeline} puts that together; simulated hubs run the same.
 */
import { annotationKeys } from "./lib/contract/annotation_keys.ts";
import { Diary } from "./lib/diary.ts";
import { healthPaths } from "./lib/health.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { openCredentials } from "./lib/kubernetes/credentials.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { openMetrics } from "./lib/metrics/metrics.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { HUB } from "./lib/options/hub_options.ts";
import { hubPage } from "./lib/page/hub_page.ts";
import { readHubView } from "./lib/page/read_hub_view.ts";
import { awaitTurn } from "./lib/hub/await_turn.ts";
import { hubDown } from "./lib/hub/hub_down.ts";
import { hubHealth } from "./lib/hub/hub_health.ts";
import { openHubMemory } from "./lib/hub/hub_memory.ts";
import { HubPipeline } from "./lib/hub/hub_pipeline.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { NodeConditions } from "./lib/hub/node_conditions.ts";
import { openTunnel } from "./lib/tunnel/open_tunnel.ts";
import { runProgram } from "./lib/run_program.ts";
import { serveHttp } from "./lib/serve_http.ts";
import { hubStatus } from "./lib/status/hub_status.ts";
import { showStatus } from "./lib/status/show_status.ts";
import { riskOf } from "./lib/wireguard/identity.ts";

await runProgram(HUB, async ({ command, options, signal }) => {
  configureLog({ format: options.logFormat, level: options.logLevel });
  if (command === "status") {
    return await showStatus(() => hubStatus(options, signal), options, signal);
  }
  if (command === "doctor") {
    const { hubDoctor, showDiagnosis } = await import("./lib/doctor/doctor.ts");
    return showDiagnosis(await hubDoctor(options, signal), options.output);
  }
  if (command === "down") return await hubDown(options, new LoopLog(logOf("hub")));
  const metrics = await openMetrics(HUB.name, options.metricsAddress);
  const diary = new Diary();
  const says = new LoopLog(logOf("hub"), metrics?.observer, diary);
  const keys = annotationKeys(options.annotationPrefix);

  // Who this is. Nothing is changed yet, but that a missing key file is written.
  using lock = await awaitTurn(options, says, signal);
  if (!lock) return;
  await using api = new ApiClient(await openCredentials(options), {
    annotationPrefix: options.annotationPrefix,
    ...(metrics && { onRequest: metrics.observer.request }),
  });
  using own = await openTunnel(options);
  says.matter("identity", riskOf(own, options.privateKeyFile));
  const memory = await openHubMemory(options, own, says);

  // What it sees of the cluster, what it says there, who is a peer with what, and the tunnel.
  const { nodeName: node, healthAddress } = options;
  const conditions = options.nodeCondition
    ? new NodeConditions({ api, hub: node, onResult: says.resultOf("conditions") })
    : undefined;
  const hub = new HubPipeline({ options, keys, api, own, memory, says, signal, conditions });
  metrics?.readFrom(hub.sources);
  const health = hubHealth(() => hub.signs);
  const seen = { hub, node, keys, publicKey: own.privateKey.publicKey, health, diary };
  const page = await hubPage({ read: () => readHubView(seen), address: healthAddress, signal });
  await Promise.all([
    hub.run(signal),
    conditions?.run(signal),
    watchNetwork(hub.markKernel, signal),
    serveHttp([
      {
        name: "health endpoint",
        address: healthAddress,
        paths: { ...healthPaths(health), ...page },
      },
      ...(metrics ? [metrics.endpoint] : []),
    ], { signal, ...says.server }),
  ]);
  await hub.end();
});
