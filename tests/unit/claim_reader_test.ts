import { assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { ClaimReader } from "../../lib/reconcile/claim_reader.ts";
import { NodeStatuses } from "../../lib/reconcile/node_statuses.ts";
import { keyOf } from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");

const node = (name: string, labels: Record<string, string> = {}): NodeView => ({
  name,
  uid: name,
  createdAt: 1,
  labels: { [keys.peer]: "true", ...labels },
  annotations: { [keys.publicKey]: keyOf(1), [keys.allowedIPs]: "100.96.0.0/12" },
});

Deno.test("a Node that is a hub is no peer: what it says of itself is no claim, and is told", () => {
  const { signal } = new AbortController();
  const api = {
    getNode: () => Promise.resolve(undefined),
    listNodeAddresses: () => Promise.resolve(new Map()),
  };
  const reader = new ClaimReader(
    keys,
    new NodeStatuses({ api, labelSelector: "", signal, onChange: () => {} }),
  );
  const nodes = [node("edge-1"), node("hub-1"), node("hub-2", { [keys.hub]: "true" })];
  const claims = reader.read(new Map(nodes.map((one) => [one.name, one])), "hub-1");
  assertEquals(claims.map(({ node, publicKey, allowedIPs }) => [node, publicKey, allowedIPs]), [
    ["edge-1", keyOf(1), ["100.96.0.0/12"]],
    ["hub-2", undefined, undefined],
  ]);
  assertEquals(claims[1]!.faults.map(({ code, reason }) => [code, reason]), [
    ["hub", "is that of another hub, which is no peer"],
  ]);
});
