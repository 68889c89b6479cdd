import { type BenchLab, CLUSTER, type Section } from "../bench_lab.ts";
import { bigNode, heartbeat } from "../big_node.ts";
import { figuresOf } from "../process_figures.ts";
import { benchPeer } from "../programs/bench_peer.ts";
import type { Series } from "../report/series.ts";
import { denoCommand, WAY } from "../ways.ts";
import { runArguments } from "../../tasks/permissions.ts";
import type { Cluster } from "../../tests/lab/cluster.ts";
import { LabHost } from "../../tests/lab/lab_host.ts";
import type { LabProcess } from "../../tests/lab/lab_process.ts";
import { pause } from "../../tests/lab/pause.ts";
import { bundleOf } from "../../tests/lab/stretched_cluster.ts";

const PREFIX = "wireguard.kube/";
const HUB_NODE = "bench-hub";
/** So many requests that make Nodes are under way at a time. */
const AT_ONCE = 8;
/** The share of Nodes whose kubelet says something, a second. */
const HEARTBEATS = 0.01;
/** Between two changes, in ms; where few Nodes take turns, one that is overtaken by the next is none. */
const PERIOD_MS = 150;
const PERIOD_OF_FEW_MS = 600;

/** Three programs take part, and only the time of day is the same for all. */
const now = () => Date.now();

/** From the patch of a Node's annotation on a real API server to a kernel that is configured. */
export const LATENCY: Section = {
  name: "latency",
  needsCluster: true,
  async run(lab) {
    const cluster = await lab.cluster();
    await using host = await LabHost.create(HUB_NODE);
    await lab.underlay.attach(host, "203.0.113.220/24");
    await cluster.admin.expect("POST", "/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: HUB_NODE, labels: { [`${PREFIX}hub`]: "true" } },
    });
    const series: Series[] = [];
    const moved = new Set<number>();
    let there = 0;
    for (const peers of lab.sizes.filter((size) => size !== 100)) {
      await createNodes(cluster, there, peers);
      there = peers;
      series.push(...await measure(lab, cluster, host, { peers, moved }));
    }
    return series;
  },
};

async function createNodes(cluster: Cluster, from: number, to: number): Promise<void> {
  let next = from;
  const worker = async () => {
    while (next < to) await cluster.admin.expect("POST", "/api/v1/nodes", bigNode(next++));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** The Nodes that are there. */
interface BenchNodes {
  readonly peers: number;
  /** Those that have their second address. One that is told what it says already sees no change. */
  readonly moved: Set<number>;
}

async function measure(
  lab: BenchLab,
  cluster: Cluster,
  host: LabHost,
  nodes: BenchNodes,
): Promise<Series[]> {
  const { peers } = nodes;
  await using hub = host.spawn(Deno.execPath(), [
    ...runArguments("hub", bundleOf("hub")),
    ...[`--node-name=${HUB_NODE}`, `--kubeconfig=${cluster.kubeconfig}`],
    ...["--allowed-ips=100.96.0.0/12", "--endpoint=203.0.113.220:51820", "--log-format=json"],
    "--private-key-file=/var/lib/wg-kube/private.key",
  ]);
  await hub.waitForLine(/in step with the cluster/);
  const annotation = `${PREFIX}allowed-ips`;
  const [program, ...args] = denoCommand(
    "bare_watch.ts",
    ...[`https://${CLUSTER.address}:${CLUSTER.port}`, cluster.folder],
    ...[`${PREFIX}peer=true`, annotation],
  );
  await using watch = host.spawn(program!, args);
  await watch.waitForLine(/^ready$/);
  await pause(2000);
  const beats = new AbortController();
  const beating = beat(cluster, peers, beats.signal);
  const begin = now();
  const { cpuMs } = await figuresOf(hub);
  const changes = await change(cluster, nodes, lab.quick ? 40 : 150, annotation);
  await pause(5000);
  const used = (await figuresOf(hub)).cpuMs - cpuMs;
  const passed = now() - begin;
  beats.abort();
  const perSecond = await beating * 1000 / passed;
  const share = { peers, unit: "ms" };
  const seen = changes.map((one) => delay(one, watched(watch, one), watch));
  const told = changes.map((one) => delay(one, configured(hub, one), hub));
  return [
    { ...share, way: WAY.bareWatch, what: "patch → seen", values: seen },
    { ...share, way: WAY.hub, what: "patch → kernel configured", values: told },
    { way: WAY.hub, what: "CPU", peers, unit: "%", values: [100 * used / passed] },
    { way: WAY.kubelets, what: "heartbeats", peers, unit: "1/s", values: [perSecond] },
  ];
}

/** A change that was asked for. */
interface Change {
  readonly node: string;
  readonly value: string;
  readonly at: number;
}

async function change(
  { admin }: Cluster,
  { peers, moved }: BenchNodes,
  count: number,
  annotation: string,
): Promise<Change[]> {
  const changes: Change[] = [];
  for (let round = 0; round < count; round++) {
    const number = (round * 7919) % peers;
    const moves = !moved.delete(number);
    if (moves) moved.add(number);
    const { name: node, allowedIPs } = benchPeer(number, moves, false);
    const value = allowedIPs.join();
    const at = now();
    await admin.expect("PATCH", `/api/v1/nodes/${node}`, {
      metadata: { annotations: { [annotation]: value } },
    });
    changes.push({ node, value, at });
    await pause(Math.max(0, at + (peers < 100 ? PERIOD_OF_FEW_MS : PERIOD_MS) - now()));
  }
  return changes;
}

/**
 * Kubelets that say what they have to say, one after another, until the signal ends it: one hundredth of
 * them a second, or as many as the server takes.
 *
 * @returns how many did.
 */
async function beat({ admin }: Cluster, peers: number, signal: AbortSignal): Promise<number> {
  const periodMs = 1000 / (HEARTBEATS * peers);
  let due = now();
  let count = 0;
  for (let number = 0; !signal.aborted; number = (number + 31) % peers) {
    due = Math.max(due + periodMs, now() - 1000);
    while (due > now() && !signal.aborted) await pause(Math.min(due - now(), 1000));
    if (signal.aborted) break;
    await admin.expect("PATCH", `/api/v1/nodes/peer-${number}/status`, heartbeat(new Date()));
    count++;
  }
  return count;
}

function watched(watch: LabProcess, { node, value, at }: Change): number {
  return firstAfter(watch.output.matchAll(new RegExp(`^${node} ${value} ([\\d.]+)$`, "gm")), at);
}

function configured(hub: LabProcess, { node, value, at }: Change): number {
  const pattern = new RegExp(
    `^\\{.*"node":"${node}".*"allowedIPs":"${value}".*"time":"([^"]+)".*"peer changed"`,
    "gm",
  );
  const times = [...hub.output.matchAll(pattern)].map(([, time]) => ["", `${Date.parse(time!)}`]);
  return firstAfter(times, at);
}

/** The first of the moments that is not before another. */
function firstAfter(matches: Iterable<readonly string[]>, at: number): number {
  for (const [, time] of matches) if (Number(time) >= at) return Number(time);
  return NaN;
}

function delay({ at, node, value }: Change, seen: number, by: LabProcess): number {
  if (Number.isNaN(seen)) {
    const end = by.output.slice(-2000);
    throw new Error(`${by.command.join(" ")}: did not see ${node} become ${value}\n${end}`);
  }
  return Math.max(0, seen - at);
}
