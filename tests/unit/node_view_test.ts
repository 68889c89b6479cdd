import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { nodeView, sameNode } from "../../lib/kubernetes/node_view.ts";

const PREFIX = "wireguard.kube/";
const WHOLE = {
  kind: "Node",
  metadata: {
    name: "edge-7",
    uid: "0d3c",
    creationTimestamp: "2026-01-02T03:04:05Z",
    labels: { "wireguard.kube/peer": "true" },
    annotations: { "wireguard.kube/public-key": "k" },
  },
  status: {
    addresses: [
      { type: "InternalIP", address: "10.0.0.7" },
      { type: "InternalIP", address: "FD00:0::7" },
      { type: "ExternalIP", address: "192.0.2.7" },
      { type: "Hostname", address: "edge-7" },
    ],
    conditions: [{ type: "MemoryPressure", status: "False" }, { type: "Ready", status: "True" }],
  },
};

Deno.test("a Node is read with its addresses in canonical form", () => {
  assertEquals<unknown>(nodeView(WHOLE), {
    name: "edge-7",
    uid: "0d3c",
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    labels: { "wireguard.kube/peer": "true" },
    annotations: { "wireguard.kube/public-key": "k" },
    status: { internalIPs: ["10.0.0.7", "fd00::7"], externalIPs: ["192.0.2.7"], ready: true },
  });
});

Deno.test("labels and annotations that concern others are left out, and their changes are none", () => {
  const read = (zone: string) => {
    const labels = { ...WHOLE.metadata.labels, zone, "wireguard.kubernetes/peer": "true" };
    const annotations = { ...WHOLE.metadata.annotations, "volumes.example.com/attached": zone };
    return nodeView({ ...WHOLE, metadata: { ...WHOLE.metadata, labels, annotations } }, PREFIX)!;
  };
  assertEquals(read("a"), nodeView(WHOLE)!);
  assert(sameNode(read("a"), read("b")));
  assertEquals(nodeView(WHOLE, "example.com/"), {
    ...nodeView(WHOLE)!,
    labels: {},
    annotations: {},
  });
});

Deno.test("the networks of a Node's pods are read, also where only the first has a field", () => {
  const podCidrs = (spec: unknown) => nodeView({ ...WHOLE, spec })?.podCidrs;
  const both = { podCIDR: "10.244.3.0/24", podCIDRs: ["10.244.3.0/24", "fd00:3::/64"] };
  assertEquals<unknown>(podCidrs(both), ["10.244.3.0/24", "fd00:3::/64"]);
  assertEquals<unknown>(podCidrs({ podCIDR: "10.244.3.0/24" }), ["10.244.3.0/24"]);
  for (const spec of [undefined, null, {}, { podCIDRs: "x" }, { podCIDRs: ["x", 1] }]) {
    assertEquals(podCidrs(spec), undefined);
  }
  const [one, other] = [both, {}].map((spec) => nodeView({ ...WHOLE, spec })!);
  assertEquals([sameNode(one!, one!), sameNode(one!, other!)], [true, false]);
});

Deno.test("metadata alone have no status", () => {
  const view = nodeView({ kind: "PartialObjectMetadata", metadata: WHOLE.metadata });
  assert(view !== undefined && !("status" in view));
});

const TOLERATED: readonly [string, unknown, unknown][] = [
  ["nothing", undefined, undefined],
  ["null", null, undefined],
  ["a list", [], undefined],
  ["no metadata", { metadata: null }, undefined],
  ["a name that is no text", { metadata: { name: 7 } }, undefined],
  ["an empty name", { metadata: { name: "" } }, undefined],
  ["a name alone", { metadata: { name: "a" } }, {
    name: "a",
    uid: "",
    createdAt: 0,
    labels: {},
    annotations: {},
  }],
  ["wrong types everywhere", {
    metadata: { name: "a", uid: {}, creationTimestamp: 3, labels: "x", annotations: [1, null] },
    status: { addresses: { 0: 1 }, conditions: [null, 5, { type: "Ready", status: true }] },
  }, {
    name: "a",
    uid: "",
    createdAt: 0,
    labels: {},
    annotations: {},
    status: { internalIPs: [], externalIPs: [], ready: false },
  }],
  ["values that are no text", {
    metadata: { name: "a", labels: { a: 1, b: "2", c: null }, creationTimestamp: "soon" },
    status: { addresses: [{ type: "InternalIP", address: "10.0.0.256" }, { type: "InternalIP" }] },
  }, {
    name: "a",
    uid: "",
    createdAt: 0,
    labels: { b: "2" },
    annotations: {},
    status: { internalIPs: [], externalIPs: [], ready: false },
  }],
];

for (const [what, json, expected] of TOLERATED) {
  Deno.test(`a Node of ${what} is read as far as it goes`, () => {
    assertEquals<unknown>(nodeView(json), expected);
  });
}

Deno.test("no JSON whatever makes the reader throw, and what it gives has the right types", () => {
  const hostile = fc.jsonValue({ maxDepth: 5 });
  const shaped = fc.record({
    metadata: fc.record({
      name: fc.string({ minLength: 1 }),
      uid: hostile,
      creationTimestamp: hostile,
      labels: hostile,
      annotations: fc.dictionary(fc.string(), hostile),
    }, { requiredKeys: ["name"] }),
    status: fc.oneof(
      hostile,
      fc.record({
        addresses: fc.oneof(hostile, fc.array(fc.record({ type: hostile, address: hostile }))),
        conditions: fc.oneof(hostile, fc.array(hostile)),
      }),
    ),
  }, { requiredKeys: ["metadata"] });
  fc.assert(fc.property(fc.oneof(hostile, shaped), (json) => {
    const view = nodeView(json);
    if (view === undefined) return;
    assert(view.name.length > 0 && typeof view.uid === "string" && Number.isFinite(view.createdAt));
    const values = [...Object.values(view.labels), ...Object.values(view.annotations)];
    assert(values.every((value) => typeof value === "string"));
    if (view.status) assert(typeof view.status.ready === "boolean");
    assert(sameNode(view, nodeView(structuredClone(json))!));
  }));
});

Deno.test("two views differ in anything that they hold", () => {
  const view = nodeView(WHOLE)!;
  const { metadata, status } = WHOLE;
  const others: unknown[] = [
    { metadata, status: { ...status, conditions: [] } },
    { metadata, status: { ...status, addresses: status.addresses.slice(1) } },
    { metadata, status: { ...status, addresses: status.addresses.slice(0, 2) } },
    { metadata },
    ...[
      { name: "edge-8" },
      { uid: "0d3d" },
      { creationTimestamp: "2026-01-02T03:04:06Z" },
      { labels: {} },
      { labels: { "wireguard.kube/peer": "false" } },
      { labels: { "wireguard.kube/hub": "true" } },
      { annotations: { ...metadata.annotations, more: "" } },
    ].map((change) => ({ metadata: { ...metadata, ...change }, status })),
  ];
  for (const other of others) {
    assert(!sameNode(view, nodeView(other)!), JSON.stringify(other));
    assert(!sameNode(nodeView(other)!, view), JSON.stringify(other));
  }
});

Deno.test("what a kubelet repeats is the same", () => {
  const heartbeat = {
    ...WHOLE,
    metadata: { ...WHOLE.metadata, resourceVersion: "9" },
    status: {
      ...WHOLE.status,
      conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "2026-01-02T03:09:05Z" }],
    },
  };
  assert(sameNode(nodeView(WHOLE)!, nodeView(heartbeat)!));
});
