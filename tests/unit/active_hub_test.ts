import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { activeHub } from "../../lib/contract/active_hub.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import * as arbitrary from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");

interface HubTraits {
  readonly born?: number;
  readonly ready?: boolean | undefined;
  readonly key?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly label?: string;
}

function node(name: string, traits: HubTraits): NodeView {
  const { born = 1, ready, label = "true" } = traits;
  const key = "key" in traits ? traits.key : arbitrary.keyOf(name.charCodeAt(0));
  const endpoint = "endpoint" in traits ? traits.endpoint : "hub.example.com:51820";
  return {
    name,
    uid: name,
    createdAt: born,
    labels: { [keys.hub]: label },
    annotations: {
      ...(key !== undefined && { [keys.publicKey]: key }),
      ...(endpoint !== undefined && { [keys.endpoint]: endpoint }),
    },
    ...(ready !== undefined && { status: { ready, internalIPs: [], externalIPs: [] } }),
  };
}

const choice = (...nodes: readonly NodeView[]) => activeHub(nodes, keys).hub?.node;

Deno.test("activeHub() chooses the oldest that is Ready and complete", () => {
  assertEquals(choice(), undefined);
  assertEquals(choice(node("a", {})), "a");
  assertEquals(
    choice(node("b", { born: 2, ready: true }), node("a", { born: 3, ready: true })),
    "b",
  );
  assertEquals(choice(node("b", { ready: true }), node("a", { ready: true })), "a", "by name");
  assertEquals(choice(node("a", { ready: false }), node("b", { born: 9, ready: true })), "b");
  assertEquals(choice(node("a", {}), node("b", { born: 9, ready: true })), "b", "unknown status");
});

Deno.test("activeHub() passes over a hub that lacks a key or an endpoint", () => {
  const incomplete: HubTraits[] = [
    { key: undefined },
    { key: "garbage" },
    { endpoint: undefined },
    { endpoint: "hub.example.com" },
    { endpoint: "1.2.3.4:5\nPostUp = reboot" },
  ];
  for (const traits of incomplete) {
    const bad = node("a", { ready: true, ...traits });
    assertEquals(choice(bad), undefined);
    assertEquals(choice(bad, node("b", { born: 9, ready: true })), "b");
    assertEquals(choice(bad, node("b", { born: 9, ready: false })), "b", "with none Ready");
  }
});

Deno.test("activeHub() sees only Nodes whose label is exactly true", () => {
  for (const label of ["True", "1", "", "true ", "false"]) {
    assertEquals(choice(node("a", { label, ready: true })), undefined, label);
  }
  assertEquals(activeHub([node("a", { label: "yes" })], keys).labelled, []);
});

Deno.test("activeHub() takes only the pinned key", () => {
  const nodes = [node("a", { ready: true }), node("b", { ready: false })];
  assertEquals(
    activeHub(nodes, keys, { pinned: arbitrary.keyOf("b".charCodeAt(0)) }).hub?.node,
    "b",
  );
  const none = activeHub(nodes, keys, { pinned: arbitrary.keyOf(1) });
  assertEquals([none.hub, none.labelled], [undefined, ["a", "b"]]);
});

Deno.test("activeHub() names all labelled Nodes, the active one first", () => {
  const nodes = [node("a", { ready: true, key: undefined }), node("b", {}), node("c", { born: 0 })];
  const { hub, labelled, claims } = activeHub(nodes, keys);
  assertEquals([hub?.node, labelled], ["c", ["c", "a", "b"]]);
  assertEquals(claims.map((claim) => claim.node), ["a", "c", "b"]);
});

Deno.test("everybody chooses alike, in whatever order the Nodes come", () => {
  const traits = fc.record({
    born: fc.constantFrom(1, 2),
    ready: fc.constantFrom(true, false, undefined),
    key: fc.constantFrom(undefined, arbitrary.keyOf(1), arbitrary.keyOf(2)),
    endpoint: fc.constantFrom(undefined, "192.0.2.1:1"),
  });
  const nodes = fc.array(traits, { maxLength: 5 })
    .map((list) => list.map((traits, i) => node("abcde"[i]!, traits)));
  fc.assert(fc.property(nodes, (nodes) => {
    assertEquals(activeHub(nodes.toReversed(), keys), activeHub(nodes, keys));
  }));
});

Deno.test("a hub that says our own key is none for us, and is told so", () => {
  const ownKey = arbitrary.keyOf("a".charCodeAt(0));
  const nodes = [node("a", { born: 1 }), node("b", { born: 2 })];
  const { hub, claims } = activeHub(nodes, keys, { ownKey });
  assertEquals(hub?.node, "b");
  assertEquals(claims.flatMap(({ faults }) => faults), [
    {
      node: "a",
      subject: "public-key",
      value: ownKey,
      code: "own",
      reason: "is this machine's own key",
    },
  ]);
  assertEquals(activeHub(nodes.slice(0, 1), keys, { ownKey }).hub, undefined);
});
