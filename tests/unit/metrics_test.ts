import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { Refusal } from "../../lib/contract/refusal.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { Coalesced } from "../../lib/metrics/coalesced.ts";
import { type Metrics, type MetricsSources, openMetrics } from "../../lib/metrics/metrics.ts";
import { failureKind, requestKind } from "../../lib/metrics/request_kind.ts";
import { VERSION } from "../../lib/version.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import { type PublicKey, publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import { ParsedMetrics } from "../lab/parse_metrics.ts";

const ADDRESS = { hostname: "127.0.0.1" as IpAddress, port: 9588 };
const NOW = Date.parse("2026-03-01T12:00:00Z");
const [ONE, TWO, THREE] = [1, 2, 3].map((byte) =>
  publicKeyFromBytes(new Uint8Array(32).fill(byte))
);

function peer(publicKey: PublicKey, parts: Partial<Peer> = {}): Peer {
  return {
    publicKey,
    persistentKeepalive: 0,
    allowedIPs: ["100.96.0.2/32" as Cidr],
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
    ...parts,
  };
}

function device(...peers: Peer[]): Device {
  return {
    name: "wg0",
    listenPort: 51820,
    fwmark: 0,
    peers: new Map(peers.map((peer) => [peer.publicKey, peer])),
  };
}

function refusal(parts: Partial<Refusal> = {}): Refusal {
  return {
    node: "edge-9",
    subject: "allowed-ips",
    value: "10.0.0.0/8",
    code: "held",
    reason: "overlaps 10.0.0.0/8, which node edge-2 holds",
    ...parts,
  };
}

async function opened(sources: Partial<MetricsSources> = {}): Promise<Metrics> {
  const metrics = (await openMetrics("hub", ADDRESS))!;
  metrics.readFrom({
    interface: "wg0",
    read: () => Promise.resolve(device()),
    nodeOf: () => undefined,
    watches: () => ({}),
    now: () => NOW,
    ...sources,
  });
  return metrics;
}

async function scrape(metrics: Metrics): Promise<ParsedMetrics> {
  const answer = await metrics.endpoint.paths["/metrics"]!(new Request("http://x/metrics"));
  assertMatch(answer.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  return new ParsedMetrics(await answer.text());
}

Deno.test("openMetrics() opens nothing when it is off", async () => {
  assertEquals(await openMetrics("hub", "off"), undefined);
});

Deno.test("Metrics have the usual exporter's names and ours, each of its type", async () => {
  const { types } = await scrape(await opened());
  assertEquals(types, {
    wg_kube_api_request_failures_total: "COUNTER",
    wg_kube_api_requests_total: "COUNTER",
    wg_kube_build_info: "GAUGE",
    wg_kube_changes_total: "COUNTER",
    wg_kube_interface_up: "GAUGE",
    wg_kube_list_age_seconds: "GAUGE",
    wg_kube_peers: "GAUGE",
    wg_kube_reconcile_duration_seconds: "HISTOGRAM",
    wg_kube_refused_claims: "GAUGE",
    wg_kube_refusals_total: "COUNTER",
    wg_kube_watch_restarts_total: "COUNTER",
    wireguard_latest_handshake_seconds: "GAUGE",
    wireguard_received_bytes_total: "COUNTER",
    wireguard_sent_bytes_total: "COUNTER",
  });
});

Deno.test("docs/metrics.md lists the metrics that there are", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/metrics.md", import.meta.url));
  const listed = [...page.matchAll(/^\| `(w\w+)` +\| (\w+) /gm)].map((
    [, name, type],
  ) => [name, type]);
  const { types } = await scrape(await opened());
  const all = Object.entries(types).map(([name, type]) => [name, type.toLowerCase()]);
  assertEquals(listed.sort(), all.sort());
});

Deno.test("Metrics of WireGuard are the interface's own, by Node and key", async () => {
  const metrics = await opened({
    read: () =>
      Promise.resolve(device(
        peer(ONE!, { lastHandshake: NOW - 5_500, rxBytes: 7, txBytes: 2 ** 40 }),
        peer(TWO!, { lastHandshake: NOW - 200_000 }),
        peer(THREE!),
      )),
    nodeOf: (key) => key === ONE ? "edge-2" : undefined,
  });
  metrics.observer.refusals([
    refusal({ subject: "public-key", value: ONE! }),
    refusal({ subject: "public-key", value: TWO! }),
    refusal(),
  ]);
  const seen = await scrape(metrics);
  const labels = { interface: "wg0", "public_key": ONE!, node: "edge-2" };
  assertEquals(seen.series("wireguard_sent_bytes_total")[0], { labels, value: 2 ** 40 });
  assertEquals(seen.series("wireguard_received_bytes_total")[0], { labels, value: 7 });
  const handshakes = seen.series("wireguard_latest_handshake_seconds");
  assertEquals(handshakes.map(({ value }) => value), [
    NOW / 1000 - 5.5,
    NOW / 1000 - 200,
    0,
  ]);
  assertEquals(handshakes.map(({ labels }) => labels.node), ["edge-2", "", ""]);
  assertEquals(
    Object.fromEntries(seen.series("wg_kube_peers").map((one) => [one.labels.state, one.value])),
    { up: 1, stale: 1, never: 1, refused: 1 },
  );
  assertEquals(seen.value("wg_kube_interface_up", { interface: "wg0" }), 1);
});

Deno.test("Metrics of a peer go when the peer goes, and an interface that cannot be read has none", async () => {
  let read: MetricsSources["read"] = () => Promise.resolve(device(peer(ONE!), peer(TWO!)));
  const metrics = await opened({ read: () => read() });
  const keys = async () => {
    const seen = await scrape(metrics);
    return [
      seen.value("wg_kube_interface_up"),
      ...["sent_bytes_total", "received_bytes_total", "latest_handshake_seconds"]
        .map((name) => seen.series(`wireguard_${name}`).length),
    ];
  };
  assertEquals(await keys(), [1, 2, 2, 2]);
  assertEquals(await keys(), [1, 2, 2, 2]); // and are not counted twice
  const other = await opened({ read: () => read() }); // the first keeps its answer for a second
  read = () => Promise.resolve(device(peer(TWO!)));
  assertEquals((await scrape(other)).series("wireguard_sent_bytes_total").length, 1);
  for (const gone of [() => Promise.resolve(undefined), () => Promise.reject(new Error("no"))]) {
    const last = await opened({ read: gone });
    assertEquals((await scrape(last)).value("wg_kube_interface_up"), 0);
    assertEquals((await scrape(last)).series("wireguard_sent_bytes_total"), []);
  }
});

Deno.test("Metrics read the interface once for a scrape, whatever its number of series", async () => {
  let readings = 0;
  const metrics = await opened({
    read: () => Promise.resolve(device(peer(ONE!, { txBytes: ++readings }))),
  });
  await Promise.all([scrape(metrics), scrape(metrics)]);
  assertEquals(readings, 1);
});

Deno.test("Coalesced asks again when its answer is no longer fresh, also after a failure", async () => {
  let now = 0;
  let asked = 0;
  const ask = () => ++asked === 2 ? Promise.reject(new Error("second")) : Promise.resolve(asked);
  const one = new Coalesced(ask, 1000, () => now);
  assertEquals([await one.get(), await one.get()], [1, 1]);
  now = 999;
  assertEquals(await one.get(), 1);
  now = 1000;
  assertEquals(await one.get().catch((error) => error.message), "second");
  now = 2000;
  assertEquals(await one.get(), 3);
});

Deno.test("Metrics count turns, deeds and requests by words of ours", async () => {
  const metrics = await opened({
    watches: () => ({
      peers: { listAgeMs: 1500, restarts: { ended: 2, silent: 0, failed: 1 } },
      self: { listAgeMs: undefined, restarts: { ended: 0, silent: 0, failed: 4 } },
    }),
  });
  const { observer } = metrics;
  observer.turn("tunnel", 3, true);
  observer.turn("tunnel", 700, true);
  observer.turn("tunnel", 10, false);
  observer.deeds([
    { text: "peer added", peer: ONE!, fields: {} },
    { text: "peer added", peer: TWO!, fields: {} },
    { text: "routes added", fields: {} },
  ]);
  observer.request({ path: "/api/v1/nodes", query: { watch: "true" } });
  observer.request({ path: "/api/v1/nodes" }, new ApiError("no", 403));
  observer.request({ path: "/api/v1/nodes" });
  for (const _ of ["a reading adds nothing to what was counted", "again"]) {
    const seen = await scrape(metrics);
    const turns = "wg_kube_reconcile_duration_seconds_count";
    assertEquals(seen.value(turns, { loop: "tunnel", result: "success" }), 2);
    assertEquals(seen.value(turns, { loop: "tunnel", result: "failure" }), 1);
    assertEquals(seen.value("wg_kube_changes_total", { kind: "peer_added" }), 2);
    assertEquals(seen.value("wg_kube_changes_total", { kind: "routes_added" }), 1);
    const nodes = { resource: "nodes" };
    assertEquals(seen.value("wg_kube_api_requests_total", { ...nodes, verb: "list" }), 2);
    assertEquals(seen.value("wg_kube_api_requests_total", { ...nodes, verb: "watch" }), 1);
    assertEquals(seen.series("wg_kube_api_request_failures_total"), [
      { labels: { verb: "list", resource: "nodes", reason: "403" }, value: 1 },
    ]);
    const restarts = "wg_kube_watch_restarts_total";
    assertEquals(seen.value(restarts, { watch: "peers", reason: "ended" }), 2);
    assertEquals(seen.value(restarts, { watch: "self", reason: "failed" }), 4);
    assertEquals(seen.series("wg_kube_list_age_seconds"), [
      { labels: { watch: "peers" }, value: 1.5 },
    ]);
    assertEquals(seen.value("wg_kube_build_info", { program: "hub", version: VERSION }), 1);
  }
});

Deno.test("Metrics count a refusal once while it lasts, and again when it comes back", async () => {
  const metrics = await opened();
  const counts = async () => {
    const seen = await scrape(metrics);
    return ["wg_kube_refused_claims", "wg_kube_refusals_total"]
      .map((name) => seen.value(name, { reason: "held" }));
  };
  assertEquals(await counts(), [0, 0]);
  metrics.observer.refusals([refusal(), refusal({ value: "10.1.0.0/16" })]);
  metrics.observer.refusals([refusal(), refusal({ value: "10.1.0.0/16" })]);
  assertEquals(await counts(), [2, 2]);
  metrics.observer.refusals([]);
  assertEquals(await counts(), [0, 2]);
  metrics.observer.refusals([refusal()]);
  assertEquals(await counts(), [1, 3]);
});

Deno.test("Metrics of any Node's name and claims are read back as they were, in no more series", async () => {
  let name: string;
  const metrics = await opened({
    read: () => Promise.resolve(device(peer(ONE!))),
    nodeOf: () => name,
  });
  const { types } = await scrape(metrics);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.string(), async (node, value) => {
      name = node;
      metrics.observer.refusals([refusal({ node, value })]);
      const seen = await scrape(metrics);
      assertEquals(seen.types, types);
      const [sent, ...others] = seen.series("wireguard_sent_bytes_total");
      assertEquals(others, []);
      if (!/[\\"\n]/.test(node)) assertEquals(sent!.labels.node, node);
      assertEquals(
        seen.series("wg_kube_refused_claims").filter(({ value }) => value > 0).length,
        1,
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("requestKind() names verb and resource as RBAC does", () => {
  const table: [Parameters<typeof requestKind>[0], string][] = [
    [{ path: "/api/v1/nodes" }, "list nodes"],
    [{ path: "/api/v1/nodes", query: { watch: "true" } }, "watch nodes"],
    [{ path: "/api/v1/nodes/edge-7" }, "get nodes"],
    [{ path: "/api/v1/nodes/nodes" }, "get nodes"],
    [{ path: "/api/v1/nodes/edge-7", method: "PATCH" }, "patch nodes"],
    [{ path: "/api/v1/nodes/edge-7/status", method: "PATCH" }, "patch nodes/status"],
    [{ path: "/apis/events.k8s.io/v1/namespaces/default/events", method: "POST" }, "create events"],
    [{ path: "/readyz" }, "get other"],
    [{ path: "/api/v1/nodes/edge-7", method: "DELETE" }, "delete nodes"],
  ];
  for (const [request, words] of table) {
    assertEquals(Object.values(requestKind(request)).join(" "), words);
  }
});

Deno.test("failureKind() is one of few words, whatever the error says", () => {
  assertEquals(failureKind(new ApiError("no", 410)), "410");
  assertEquals(failureKind(new ApiUnreachable("no")), "unreachable");
  assertEquals(failureKind(new ApiUnreachable("no", { timedOut: true })), "timeout");
  assertEquals(failureKind(new Error("the file edge-7.pem is missing")), "credential");
});

Deno.test("Metrics of 5,000 peers are printed in less than 5 s", async () => {
  const peers = Array.from({ length: 5000 }, (_, number) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, number + 1);
    return peer(publicKeyFromBytes(bytes), { txBytes: number });
  });
  const metrics = await opened({ read: () => Promise.resolve(device(...peers)) });
  const begin = performance.now();
  const answer = await metrics.endpoint.paths["/metrics"]!(new Request("http://x/metrics"));
  const text = await answer.text();
  assertEquals(performance.now() - begin < 5000, true);
  assertGreater(text.split("\n").length, 15_000);
});
