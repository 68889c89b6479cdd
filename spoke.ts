/**
 * The spoke: brings the tunnel's interface up before any API can be reached, registers this machine
 * on its own Node, finds the hub and keeps the tunnel to it.
 *
 * own identity → published on the own Node; Nodes of hubs → claims → the active hub → wanted tunnel,
 * against what is found → changes → applied.
 *
 * {@linkcode SpokePipeline} puts that together; simulated spokes run the same.
 */
import { annotationKeys } from "./lib/contract/annotation_keys.ts";
import { nodeNameOf } from "./lib/contract/node_name.ts";
import { daemonize, isInBackground, tellParent } from "./lib/daemonize.ts";
import { healthPaths } from "./lib/health.ts";
import { ApiClient } from "./lib/kubernetes/api_client.ts";
import { awaitCredentials } from "./lib/kubernetes/await_credentials.ts";
import { configureLog, logOf } from "./lib/log.ts";
import { openMetrics } from "./lib/metrics/metrics.ts";
import { watchNetwork } from "./lib/netlink/monitor.ts";
import { settleSpokeOptions } from "./lib/options/settle_spoke_options.ts";
import { SPOKE } from "./lib/options/spoke_options.ts";
import { takePidFile } from "./lib/pid_file.ts";
import { untilJoined } from "./lib/spoke/join_progress.ts";
import { LoopLog } from "./lib/reconcile/loop_log.ts";
import { openTunnel } from "./lib/tunnel/open_tunnel.ts";
import { spokeDown } from "./lib/spoke/spoke_down.ts";
import { spokeHealth } from "./lib/spoke/spoke_health.ts";
import { lockSpoke } from "./lib/spoke/spoke_lock.ts";
import { openSpokeMemory } from "./lib/spoke/spoke_memory.ts";
import { SpokePipeline } from "./lib/spoke/spoke_pipeline.ts";
import { runProgram, Unfinished } from "./lib/run_program.ts";
import { serveHttp } from "./lib/serve_http.ts";
import { ServiceManager } from "./lib/service_manager.ts";
import { showStatus } from "./lib/status/show_status.ts";
import { spokeStatus } from "./lib/status/spoke_status.ts";
import { messageOf } from "./lib/user_error.ts";

/** A turn that takes longer than this, in ms, is stuck: turns come every 10 s at least, 15 s after errors. */
const STUCK = 60_000;

await runProgram(SPOKE, async ({ command, options: given, signal, onHangup }) => {
  const options = settleSpokeOptions(given, command);
  const starts = command === undefined && !options.once;
  if (starts && options.daemonize && !isInBackground()) return await daemonize(options.logFile);
  configureLog({
    format: options.logFormat,
    level: options.logLevel,
    ...(isInBackground() && { file: options.logFile }),
  });
  const nodeName = options.nodeName ?? nodeNameOf(Deno.hostname());
  const configFile = `/etc/wireguard/${options.interface}.conf`;
  if (command === "status") {
    return await showStatus(() => spokeStatus(options, nodeName, signal), options, signal);
  }
  if (command === "doctor") {
    const { showDiagnosis, spokeDoctor } = await import("./lib/doctor/doctor.ts");
    return showDiagnosis(await spokeDoctor(options, nodeName, signal), options.output);
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
  const done = new AbortController();
  const running = AbortSignal.any([signal, done.signal]);

  // Who this is, and the tunnel as it last worked: no API, no network, no name service needed.
  using own = await openTunnel(options);
  const memory = await openSpokeMemory({ ...options, configFile }, own, says);

  // The tunnel, at once; and what the Nodes of hubs and peers make of it, as soon as they can be read.
  const parts = { nodeName, keys, own, memory, says, env: Deno.env };
  const spoke = new SpokePipeline({
    ...parts,
    // Whoever ends soon is in no site: somebody has to listen whether its peers are still there.
    options: { ...options, site: options.once ? undefined : options.site },
    onTurn: (error) => {
      if (error !== undefined) return tellParent(messageOf(error));
      tellParent();
      service.ready();
      service.status(spoke.progress.text);
    },
  });

  /** Waits for the kubelet's credential, then registers this node and follows the hubs. */
  async function joinCluster(): Promise<void> {
    const credentials = await awaitCredentials(options, says.resultOf("credentials"), running);
    if (!credentials) return;
    await using api = new ApiClient(credentials, {
      annotationPrefix: options.annotationPrefix,
      ...(metrics && { onRequest: metrics.observer.request }),
    });
    await spoke.join(api, running);
  }

  const health = healthPaths(spokeHealth(() => spoke, STUCK));
  metrics?.readFrom(spoke.sources);
  onHangup(() => spoke.reconnect());
  const [left] = await Promise.all([
    options.once
      ? untilJoined(() => spoke.progress, spoke.markKernel, options.onceLimit * 1000, signal)
        .finally(() => done.abort())
      : undefined,
    spoke.run(running),
    watchNetwork(spoke.markKernel, running),
    joinCluster(),
    serveHttp([
      { name: "health endpoint", address: options.healthAddress, paths: health },
      ...(metrics ? [metrics.endpoint] : []),
    ], { signal: running, ...says.server }),
    service.keepAlive(() => spoke.idleMs < STUCK, running),
  ]);
  await spoke.end();
  if (left !== undefined && !signal.aborted) {
    throw new Unfinished(`not joined within ${options.onceLimit} s: ${left}`);
  }
});
