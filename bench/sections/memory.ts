import type { BenchLab, Section } from "../bench_lab.ts";
import { bigNode, heartbeat, managedFields } from "../big_node.ts";
import { figuresOf } from "../process_figures.ts";
import { benchPeer } from "../programs/bench_peer.ts";
import type { Series } from "../report/series.ts";
import { denoCommand, WAY } from "../ways.ts";
import { HubBench } from "../../tests/lab/hub_bench.ts";
import { LabHost } from "../../tests/lab/lab_host.ts";
import type { LabProcess } from "../../tests/lab/lab_process.ts";
import { pause } from "../../tests/lab/pause.ts";
import { SpokeBench } from "../../tests/lab/spoke_bench.ts";

/** A kubelet says how it is every five minutes if nothing has changed: so often in an hour. */
const HEARTBEATS_AN_HOUR = 12;
/** How many of them are sent before others get their turn. */
const BURST = 50;
/** How long a hub may take to read all of them, in ms. */
const CATCH_UP_MS = 240_000;
const SELECTOR = "wireguard.kube/peer=true";
/** Last part of the spoke's hub on the underlay; its own is one more. */
const SPOKE_NUMBER = 150;

/** What programs occupy and use that follow so many Nodes, for an hour of heartbeats. */
export const MEMORY: Section = {
  name: "memory",
  async run(lab) {
    const series: Series[] = [];
    for (const peers of lab.sizes) {
      if (peers !== 100) series.push(...await follow(lab, peers));
    }
    return [...series, ...await idleSpoke(lab), ...await idleRuntime()];
  },
};

async function follow(lab: BenchLab, peers: number): Promise<Series[]> {
  await using bench = await HubBench.create();
  for (let number = 0; number < peers; number++) {
    const node = bigNode(number);
    // The status of a peer's Node is asked for by nobody: without it the server is quicker.
    const metadata = { ...node.metadata, managedFields: managedFields() };
    bench.api.createNode({ ...node, metadata, status: {} });
  }
  await bench.process.stop();
  bench.process = bench.startHub();
  await bench.inStep();
  await using other = await LabHost.create("informer");
  await lab.underlay.attach(other, "203.0.113.232/24");
  for (const file of ["kubeconfig", "ca.crt", "token"].map((name) => `/etc/api/${name}`)) {
    await other.writeFile(file, await bench.host.readFile(file));
  }
  await using informer = other.spawn(lab.rivals.informer, ["/etc/api/kubeconfig", SELECTOR], {
    env: { KUBE_FEATURE_WatchListClient: "false" },
  });
  await informer.waitForLine(/^in step/);
  const programs = [[WAY.hub, bench.process], [WAY.informer, informer]] as const;
  const before = await Promise.all(programs.map(([, process]) => figuresOf(process)));
  const quiet = await cpuOver(lab.quick ? 5000 : 15_000, programs.map(([, process]) => process));
  const hosts = [bench.host, other];
  const received = await Promise.all(hosts.map(receivedMb));
  await hourOfHeartbeats(bench, peers);
  const receivedThen = await Promise.all(hosts.map(receivedMb));
  const after = await Promise.all(programs.map(([, process]) => figuresOf(process)));
  return programs.flatMap(([way], at) => {
    const share = { way, peers };
    const perHour = after[at]!.cpuMs - before[at]!.cpuMs - quiet[at]!.usedMs;
    return [
      { ...share, what: "in step", unit: "MB", values: [before[at]!.residentMb] },
      { ...share, what: "after an hour", unit: "MB", values: [after[at]!.residentMb] },
      { ...share, what: "at most", unit: "MB", values: [after[at]!.peakMb] },
      { ...share, what: "CPU, nothing happens", unit: "%", values: [quiet[at]!.percent] },
      { ...share, what: "CPU, heartbeats", unit: "%", values: [perHour / 36_000] },
      { ...share, what: "heartbeats", unit: "MB/h", values: [receivedThen[at]! - received[at]!] },
    ];
  });
}

/** What a host has received over all its links, in MB: all of it comes from the API server. */
async function receivedMb(host: LabHost): Promise<number> {
  const links = (await host.readFile("/proc/net/dev")).split("\n").slice(2).filter(Boolean);
  const bytes = links.map((line) => line.trim().split(/[:\s]+/))
    .filter(([name]) => name !== "lo" && name !== "wg0").map(([, count]) => Number(count));
  return bytes.reduce((sum, count) => sum + count, 0) / 1e6;
}

/** The heartbeats of an hour as fast as they are read, and one change at the end to see that they were. */
async function hourOfHeartbeats(bench: HubBench, peers: number): Promise<void> {
  const total = HEARTBEATS_AN_HOUR * peers;
  for (let sent = 0; sent < total; sent++) {
    const at = new Date(Date.UTC(2026, 0, 1) + sent * 1000);
    bench.api.patchNode(`peer-${sent % peers}`, heartbeat(at), "status");
    if (sent % BURST === 0) await pause(1);
  }
  const { name, allowedIPs, publicKey } = benchPeer(0, true, false);
  await bench.annotate(name, { "allowed-ips": allowedIPs.join() });
  const deadline = performance.now() + CATCH_UP_MS;
  while ((await bench.peers()).get(publicKey) !== allowedIPs.join(" ")) {
    if (performance.now() > deadline) throw new Error("the hub does not see the last change");
    await pause(500);
  }
}

async function idleSpoke(lab: BenchLab): Promise<Series[]> {
  await using bench = await SpokeBench.create({ kind: "kernel", number: SPOKE_NUMBER });
  const process = bench.startSpoke();
  await bench.join();
  await bench.reaches("100.96.0.1");
  const [quiet] = await cpuOver(lab.quick ? 5000 : 30_000, [process]);
  const { residentMb, peakMb } = await figuresOf(process);
  const share = { way: WAY.spoke };
  return [
    { ...share, what: "in step", unit: "MB", values: [residentMb] },
    { ...share, what: "at most", unit: "MB", values: [peakMb] },
    { ...share, what: "CPU, nothing happens", unit: "%", values: [quiet!.percent] },
  ];
}

/** A program that does nothing but wait: so much is the runtime's. */
async function idleRuntime(): Promise<Series[]> {
  await using host = await LabHost.create("idle");
  const [program, ...args] = denoCommand("ready.ts");
  await using process = host.spawn(program!, args, { input: true });
  await process.waitForLine(/^ready$/);
  await pause(1000);
  const { residentMb } = await figuresOf(process);
  return [{ way: WAY.runtime, what: "in step", unit: "MB", values: [residentMb] }];
}

/** What programs use of the processor in a stretch of time. */
async function cpuOver(ms: number, processes: readonly LabProcess[]) {
  const begin = performance.now();
  const before = await Promise.all(processes.map(figuresOf));
  await pause(ms);
  const after = await Promise.all(processes.map(figuresOf));
  const passed = performance.now() - begin;
  return after.map(({ cpuMs }, at) => {
    const usedMs = cpuMs - before[at]!.cpuMs;
    return { usedMs, percent: 100 * usedMs / passed };
  });
}
