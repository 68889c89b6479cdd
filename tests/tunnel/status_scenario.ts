import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { runArguments } from "../../tasks/permissions.ts";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { ParsedMetrics } from "../lab/parse_metrics.ts";
import { bundleOf, HUB, type Member, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

/** As much of `--output json` as is looked at. */
interface Status {
  readonly standing: { readonly state: string; readonly reasons: readonly string[] };
  readonly interface: { readonly publicKey: string; readonly addresses: readonly string[] };
  readonly api: { readonly ok: boolean; readonly reason?: string };
  readonly hubs: readonly { readonly node: string; readonly active: boolean }[];
  readonly peers: readonly {
    readonly node: string | null;
    readonly publicKey: string;
    readonly state: string;
    readonly endpoint: string | null;
    readonly allowedIPs: readonly string[];
    readonly handshakeAge: number | null;
    readonly refusals: readonly { readonly subject: string; readonly reason: string }[];
  }[];
}

interface Shown {
  readonly code: number;
  readonly text: string;
}

const METRICS = "127.0.0.1:9588";
/** The API server on the underlay, and the address of a station that is not there. */
const API = "203.0.113.100 dev eth0";
const NOBODY = "02:00:00:00:00:99";

/** `status` and metrics of a hub and a spoke that work, with Nodes that do not. */
export async function statusScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
): Promise<void> {
  await using stretched = await StretchedCluster.create({ contained: kind === "kernel" });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2, { env: { WG_METRICS_ADDRESS: METRICS } });
  const joinedAt = performance.now();
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, HUB.tunnel);
  await reaches(stretched, three.host, HUB.tunnel);
  const cutAt = performance.now();
  await three.host.ip("link set eth0 down"); // what becomes of that is the last step but one
  const key = (await stretched.published(two.name))["public-key"]!;
  const { publicKey: unseen } = await generatePrivateKey();
  await addPeer("edge-8", { "public-key": key, "allowed-ips": "100.96.0.8/32" });
  await addPeer("edge-9", { "public-key": unseen, "allowed-ips": "100.96.0.9/32,100.96.0.2/32" });
  await eventually(
    "the hub has told edge-9's peer",
    async () => (await hub.host.run(["wg", "show", "wg0", "peers"])).includes(unseen) || undefined,
    () => stretched.logs(),
  );

  await t.step("hub status shows who is up, never seen and refused, and why", async () => {
    const text = await complete(() => hubStatus());
    const lines = text.split("\n");
    assertMatch(lines[0]!, /^hub +hub-1: ready$/);
    assertMatch(lines[1]!, new RegExp(`^interface +wg0: up, ${kind}, MTU 1420, port 51820$`));
    assertMatch(text, /^API +https:\/\/203\.0\.113\.100:6443: answers$/m);
    assertMatch(text, /^hubs +hub-1 \(active/m);
    assertMatch(text, /^edge-2 +up +203\.0\.113\.2:51820 +100\.96\.0\.2\/32 +\d+ s ago +\d/m);
    assertMatch(text, /^edge-8 +refused +- +- +- +0 B +0 B$/m);
    assertMatch(text, /^edge-9 +never +- +100\.96\.0\.9\/32 +- /m);
    assertMatch(text, /^edge-8: public-key \S+ is refused: is held by node edge-2$/m);
    assertMatch(text, /^edge-9: allowed-ips 100\.96\.0\.2\/32 is refused: overlaps/m);
    assertMatch(text, /^4 peers: 2 up, 1 never, 1 refused$/m);
    assert(!text.includes("\x1b"), "colours belong to terminals");
  });

  await t.step("hub status --output json tells the same", async () => {
    const status = json(await complete(() => hubStatus("--output=json")));
    assertEquals(status.standing, { state: "ready", reasons: [] });
    assertEquals(status.interface.addresses[0], `${HUB.tunnel}/32`);
    assertEquals(status.hubs.map(({ node, active }) => [node, active]), [["hub-1", true]]);
    assertEquals(status.peers.map(({ node, state }) => [node, state]), [
      ["edge-2", "up"],
      ["edge-3", "up"],
      ["edge-8", "refused"],
      ["edge-9", "never"],
    ]);
    const shown = (await hub.host.run(["wg", "show", "wg0", "public-key"])).trim();
    assertEquals(status.interface.publicKey, shown);
  });

  await t.step("spoke status shows the hub that it follows", async () => {
    const text = await complete(spokeStatus);
    assertMatch(text, /^spoke +edge-2: registered$/m);
    assertMatch(text, /^hubs +hub-1 \(active/m);
    assertMatch(
      text,
      /^hub-1 +up +203\.0\.113\.1:51820 +100\.96\.0\.0\/12 172\.16\.0\.0\/16 +\d+ s/m,
    );
    assertMatch(text, /^1 peer: 1 up$/m);
  });

  await t.step("status --watch prints it again and again, until it is stopped", async () => {
    const watch = two.host.spawn(Deno.execPath(), [...spokeCommand, "--watch", "--output=json"], {
      env: spokeEnv,
    });
    const [text] = await watch.waitForLine(/^\{.*\}\n\{.*\}$/m);
    for (const line of text.split("\n")) {
      const { peers } = json(line);
      assertEquals(peers.map(({ node, state }) => [node, state]), [["hub-1", "up"]]);
    }
    assertEquals(await watch.stop("SIGINT"), 0);
  });

  await t.step("metrics of hub and spoke move with the traffic, by key and Node", async () => {
    const before = [await metricsOf(hub), await metricsOf(two)] as const;
    await two.host.run(["ping", "-q", "-c", "5", "-i", "0.2", "-s", "1000", HUB.tunnel]);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // a reading serves for a second
    const after = [await metricsOf(hub), await metricsOf(two)] as const;
    const hubKey = (await stretched.published(HUB.node))["public-key"]!;
    const peers = [
      { "public_key": key, node: "edge-2", interface: "wg0" },
      { "public_key": hubKey, node: "hub-1", interface: "wg0" },
    ];
    for (const [at, labels] of peers.entries()) {
      for (const direction of ["sent", "received"]) {
        const name = `wireguard_${direction}_bytes_total`;
        assertGreater(after[at]!.value(name, labels)! - before[at]!.value(name, labels)!, 5000);
      }
      const shaken = after[at]!.value("wireguard_latest_handshake_seconds", labels)!;
      assert(Math.abs(Date.now() / 1000 - shaken) < 180, String(shaken));
    }
  });

  await t.step("the hub's metrics tell its peers, refusals, turns and requests", async () => {
    const seen = await metricsOf(hub);
    const states = ["up", "stale", "never", "refused"]
      .map((state) => seen.value("wg_kube_peers", { state }));
    assertEquals(states, [2, 0, 1, 1]);
    assertEquals(seen.value("wg_kube_refused_claims", { reason: "held" }), 2);
    assertEquals(seen.value("wg_kube_refusals_total", { reason: "held" }), 2);
    assertEquals(seen.value("wg_kube_changes_total", { kind: "peer_added" }), 3);
    const turns = { loop: "tunnel", result: "success" };
    assertGreater(seen.value("wg_kube_reconcile_duration_seconds_count", turns)!, 1);
    const list = { verb: "list", resource: "nodes" };
    assertGreater(seen.value("wg_kube_api_requests_total", list)!, 1);
    const age = seen.value("wg_kube_list_age_seconds", { watch: "peers" })!;
    assert(age > 0 && age < 120, String(age));
    assertEquals(seen.value("wg_kube_interface_up"), 1);
    assertEquals(seen.value("wg_kube_build_info", { program: "hub" }), 1);
  });

  await t.step("with the peer its series go", async () => {
    await stretched.admin.expect("DELETE", "/api/v1/nodes/edge-9");
    await eventually("the series are gone", async () => {
      const series = (await metricsOf(hub)).series("wireguard_sent_bytes_total");
      return series.map(({ labels }) => labels.node).sort().join() === "edge-2,edge-3" || undefined;
    }, () => stretched.logs());
  });

  await t.step("with an API that never answers, status ends in time and says so", async () => {
    const hosts = [hub.host, two.host];
    for (const host of hosts) await host.ip(`neigh replace ${API} lladdr ${NOBODY} nud permanent`);
    const begin = performance.now();
    const [ofHub, ofSpoke] = await Promise.all([hubStatus(), spokeStatus()]);
    const took = performance.now() - begin;
    for (const host of hosts) await host.ip(`neigh del ${API}`);
    assert(took < 30_000, `${took} ms`);
    assertEquals([ofHub.code, ofSpoke.code], [1, 1]);
    for (const { text } of [ofHub, ofSpoke]) assertMatch(text, /^API .*no answer for 3 s$/m);
    assertMatch(ofHub.text, /^edge-2 +up +203\.0\.113\.2:51820 /m); // by the hub's ledger
    assertMatch(ofSpoke.text, /^[A-Za-z0-9+/]{43}= +up +203\.0\.113\.1:51820 /m);
  });

  await t.step(
    "an Event tells that a tunnel came up, and one that it is down, after 3 min",
    async () => {
      assertEquals(await eventsOf("edge-2"), ["TunnelUp"]);
      // A session lasts from its handshake, which was before the cut: nobody is down before its end.
      const left = Math.max(0, cutAt + 170_000 - performance.now());
      await new Promise((resolve) => setTimeout(resolve, left));
      const told = await eventually("edge-3 is down", async () => {
        const events = await eventsOf("edge-3");
        return events.length > 1 ? events : undefined;
      }, () => stretched.logs());
      assertEquals(told.sort(), ["TunnelDown", "TunnelUp"]);
      assertGreater(performance.now() - joinedAt, 180_000);
      assertEquals(await eventsOf("edge-2"), ["TunnelUp"], "once");
    },
  );

  await t.step(
    "it comes up again, and a hub that is started anew has nothing to tell",
    async () => {
      assertEquals(await hub.process.stop("SIGTERM"), 0);
      hub.process = await stretched.startHub(hub.host);
      await hub.process.waitForLine(/in step with the cluster/);
      await three.host.ip("link set eth0 up");
      await reaches(stretched, three.host, HUB.tunnel);
      await eventually("edge-3 is up", async () => {
        const events = await eventsOf("edge-3");
        return events.length > 2 || undefined;
      }, () => stretched.logs());
      assertEquals((await eventsOf("edge-3")).sort(), ["TunnelDown", "TunnelUp", "TunnelUp"]);
      assertEquals(await eventsOf("edge-2"), ["TunnelUp"]);
    },
  );

  await t.step("hub status needs no hub, and without its interface says that", async () => {
    assertEquals(await hub.process.stop("SIGTERM"), 0);
    await hub.host.ip("link del wg0");
    const text = await eventually("the API answers", async () => {
      const { code, text } = await hubStatus();
      assertEquals(code, 1, text);
      return /^API .*: answers$/m.test(text) ? text : undefined;
    });
    assertMatch(text, /^hub +hub-1: not running; nobody answers at 127\.0\.0\.1:9587/m);
    assertMatch(text, /^interface +wg0: there is no such WireGuard interface$/m);
    assertMatch(text, /^edge-2: is not on the interface yet: does the hub run\?$/m);
  });

  async function addPeer(name: string, annotations: Record<string, string>): Promise<void> {
    const { prefix } = stretched;
    await stretched.addNode(name, {
      labels: { [`${prefix}peer`]: "true" },
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`${prefix}${key}`, value]),
      ),
    });
  }

  /** The reasons of the Events about a tunnel of a Node. */
  async function eventsOf(node: string): Promise<string[]> {
    const { metadata: { uid } } = await stretched.admin.expect("GET", `/api/v1/nodes/${node}`) as {
      metadata: { uid: string };
    };
    const path = "/apis/events.k8s.io/v1/namespaces/default/events";
    const { items } = await stretched.admin.expect("GET", path) as {
      items: readonly { readonly reason: string; readonly regarding: { readonly uid?: string } }[];
    };
    // A Node of an earlier test may have had the same name.
    return items.filter(({ reason, regarding }) =>
      reason.startsWith("Tunnel") && regarding.uid === uid
    ).map(({ reason }) => reason);
  }

  async function hubStatus(...flags: string[]): Promise<Shown> {
    await using process = await stretched.startHub(hub.host, ["status", ...flags]);
    return { code: await process.exitCode(), text: process.output };
  }

  async function spokeStatus(): Promise<Shown> {
    const options = { env: spokeEnv };
    const { code, stdout, stderr } = await two.host.exec(Deno.execPath(), spokeCommand, options);
    return { code, text: stdout + stderr };
  }
}

const spokeCommand = [...runArguments("spoke", bundleOf("spoke")), "status"];
const spokeEnv = { WG_ADDRESS: "100.96.0.2/32" };

function json(text: string): Status {
  return JSON.parse(text) as Status;
}

/** What is shown when all can be told: a machine that is busy may not answer in time at first. */
async function complete(show: () => Promise<Shown>): Promise<string> {
  let last = "";
  return await eventually("all can be told", async () => {
    const { code, text } = await show();
    last = text;
    return code === 0 ? text : undefined;
  }, () => last);
}

async function metricsOf(
  { host }: Pick<Member, "host"> & { host: LabHost },
): Promise<ParsedMetrics> {
  const script = `console.log(await (await fetch("http://${METRICS}/metrics")).text())`;
  return new ParsedMetrics(await host.run([Deno.execPath(), "eval", "--no-config", script]));
}
