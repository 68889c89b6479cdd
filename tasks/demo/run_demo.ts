import { eventually } from "../../tests/lab/eventually.ts";
import { type DemoCluster, HUB, KEYS, type Member } from "./demo_cluster.ts";
import { peerTable } from "./peer_table.ts";
import { pingReport } from "./ping_report.ts";
import type { StepLog } from "./step_log.ts";

/** Twenty pings a second, as an argument of ping(8): seconds. */
const PERIOD = "0.05";
/** How long that ping runs before the third spoke comes, and after it has gone. */
const QUIET_MS = 1500;

/**
 * The demo from the first Node to the last ping, told step by step.
 *
 * @throws {Error} at the first thing that is not as it should be.
 */
export async function runDemo(cluster: DemoCluster, log: StepLog): Promise<void> {
  log.step(`API: an embedded stand-in for a cluster's API server, at ${cluster.apiUrl}`);
  log.step("     (Nodes kept in memory, no cluster; `deno task test` uses a real kube-apiserver)");

  log.step(`${HUB.node}: a Node with ExternalIP ${HUB.external} and InternalIP ${HUB.internal}`);
  const hub = await cluster.addHub();
  await until(cluster, "the hub publishes itself on its Node", async () => {
    const { labels, annotations } = await cluster.node(hub.name);
    return KEYS.hub in labels && KEYS.endpoint in annotations;
  });
  log.good(`${hub.name}: the hub has published itself on its Node`);
  log.block(await published(cluster, hub));

  const one = await join(cluster, log, hub, 2);
  const two = await join(cluster, log, hub, 3);
  for (const address of [HUB.tunnel, HUB.internal]) await ping(cluster, log, one, hub, address);
  await ping(cluster, log, one, two, two.tunnel);

  await joinAndLeave(cluster, log, hub, one, two);
  cluster.assertRunning();
}

/** A third spoke comes and goes while the first two ping each other, which may lose nothing. */
async function joinAndLeave(
  cluster: DemoCluster,
  log: StepLog,
  hub: Member,
  one: Member,
  two: Member,
): Promise<void> {
  log.step(`${one.name} pings ${two.name} through the hub, 20 times a second, while ...`);
  await using pinging = one.host.spawn("ping", ["-n", "-i", PERIOD, two.tunnel]);
  await pause(QUIET_MS);

  const third = await join(cluster, log, hub, 4);
  const peers = await cluster.hubPeers(hub);
  const names = peers.map(({ node }) => node).sort().join(" ");
  const expected = [one, two, third].map(({ name }) => name).join(" ");
  if (names !== expected) throw new Error(`the hub's peers are ${names}, not ${expected}`);
  log.step(`the peers of ${hub.name}, read from its wg0:`);
  log.block(peerTable(peers, Date.now()));

  await cluster.removeNode(third.name);
  await until(cluster, `the hub forgets ${third.name}`, async () => {
    const left = await cluster.hubPeers(hub);
    return left.length === 2 && left.every(({ node }) => node !== undefined);
  });
  const { code } = await third.host.exec("ping", ["-n", "-c", "2", "-W", "1", HUB.tunnel]);
  if (code !== 1) throw new Error(`${third.name} has left, but its ping ended with status ${code}`);
  log.good(`${third.name} has left: its Node is deleted, the hub no longer answers it`);
  await pause(QUIET_MS);

  await pinging.waitForLine(/icmp_seq=/, 10_000, pinging.output.length);
  await pinging.stop("SIGINT");
  const { sent, answered, lost, longestGap } = pingReport(pinging.output);
  const sum = `${one.name} to ${two.name}, meanwhile: ${sent} sent, ${answered} answered`;
  if (lost !== 0) throw new Error(`${sum}, ${lost} LOST, ${longestGap - 1} in a row`);
  log.good(`${sum}, ${lost} lost`);
}

/** Starts a spoke and waits until it reaches the hub. */
async function join(
  cluster: DemoCluster,
  log: StepLog,
  hub: Member,
  number: number,
): Promise<Member> {
  const begin = performance.now();
  const spoke = await cluster.addSpoke(number);
  log.step(`${spoke.name}: the spoke starts, with ${spoke.tunnel} on its wg0; its Node follows`);
  await until(cluster, `${spoke.name} reaches the hub`, async () => {
    const { code } = await spoke.host.exec("ping", ["-n", "-c", "1", "-W", "1", hub.tunnel]);
    return code === 0;
  });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  log.good(`${spoke.name} has joined: the hub answers, ${seconds} s after the machine was made`);
  return spoke;
}

/** Three pings, all of which must be answered. */
async function ping(
  cluster: DemoCluster,
  log: StepLog,
  from: Member,
  to: Member,
  address: string,
): Promise<void> {
  cluster.assertRunning();
  const args = ["-n", "-c", "3", "-i", "0.2", "-W", "2", address];
  const { stdout } = await from.host.exec("ping", args);
  const { sent, answered } = pingReport(stdout);
  const what = `ping ${from.name} to ${to.name} at ${address}: ${answered} of ${sent} answered`;
  if (sent !== 3 || answered !== 3) throw new Error(what);
  const average = /^rtt [^=]*= [\d.]+\/([\d.]+)\//m.exec(stdout)?.[1];
  log.good(`${what}, ${average} ms`);
}

/** What a Node says to the others, as lines. */
async function published(cluster: DemoCluster, { name }: Member): Promise<string[]> {
  const { labels, annotations } = await cluster.node(name);
  const ours = (all: Readonly<Record<string, string>>) =>
    Object.entries(all).filter(([key]) => key.startsWith(KEYS.prefix));
  return [
    `Node ${name}`,
    ...ours(labels).map(([key, value]) => `label       ${key}: "${value}"`),
    ...ours(annotations).map(([key, value]) => `annotation  ${key}: ${value}`),
  ];
}

/** Waits, with {@linkcode eventually}'s limit, as long as all programs are running. */
async function until(
  cluster: DemoCluster,
  what: string,
  ask: () => Promise<boolean>,
): Promise<void> {
  await eventually(what, async () => {
    cluster.assertRunning();
    return await ask() || undefined;
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
