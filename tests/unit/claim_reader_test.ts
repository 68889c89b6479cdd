import { assertEquals, assertStrictEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ClaimReader } from "../../lib/hub/claim_reader.ts";
import { NodeStatuses } from "../../lib/hub/node_statuses.ts";
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

Deno.test("a claim with its Node's addresses is the same object until Node or addresses change", async () => {
  let internalIPs = ["172.16.0.6"];
  const { signal } = new AbortController();
  let now = 0;
  let changes = 0;
  const api = {
    getNode: (name: string) =>
      Promise.resolve({
        ...node(name),
        status: { internalIPs: internalIPs as IpAddress[], externalIPs: [], ready: true },
      }),
    listNodeAddresses: () => Promise.resolve(new Map()),
  };
  const time = { now: () => now, random: Math.random };
  const reader = new ClaimReader(
    keys,
    new NodeStatuses({ api, labelSelector: "", signal, onChange: () => changes++, time }),
  );
  const spoke = node("edge-1");
  const nodes = [
    {
      ...node("aks-1", { [keys.member]: "true" }),
      annotations: { [keys.publicKey]: keyOf(1), [keys.allowedIPs]: "172.16.0.6/32" },
    },
    { ...spoke, annotations: { [keys.publicKey]: keyOf(2) } },
  ];
  const read = async () => {
    reader.read(new Map(nodes.map((one) => [one.name, one])), "hub-1");
    await new Promise((resolve) => setTimeout(resolve)); // what was asked for is answered
    return reader.read(new Map(nodes.map((one) => [one.name, one])), "hub-1");
  };
  const first = await read();
  assertEquals(first.map(({ allowedIPs }) => allowedIPs), [["172.16.0.6/32"], ["172.16.0.6/32"]]);
  now += 3_600_000; // the addresses are read again, and are the same
  const second = await read();
  assertEquals(changes, 2);
  for (const [at, claim] of second.entries()) assertStrictEquals(claim, first[at]);

  now += 3_600_000;
  internalIPs = ["172.16.0.7"];
  const third = await read();
  assertEquals(third.map(({ allowedIPs }) => allowedIPs), [[], ["172.16.0.7/32"]]);
  assertEquals(third[0]!.faults.length, 1);
});

Deno.test("an address that a member says and its Node has not is looked for again within a minute", async () => {
  let internalIP = "172.16.0.7";
  let now = 0;
  let reads = 0;
  const api = {
    getNode: (name: string) => {
      reads++;
      const status = { internalIPs: [internalIP as IpAddress], externalIPs: [], ready: true };
      return Promise.resolve({ ...node(name), status });
    },
    listNodeAddresses: () => Promise.resolve(new Map()),
  };
  const time = { now: () => now, random: Math.random };
  const { signal } = new AbortController();
  const statuses = new NodeStatuses({ api, labelSelector: "", signal, onChange: () => {}, time });
  const reader = new ClaimReader(keys, statuses);
  const annotations = { [keys.publicKey]: keyOf(1), [keys.allowedIPs]: "172.16.0.6/32" };
  const member = { ...node("aks-1", { [keys.member]: "true" }), annotations };
  const given = async () => {
    const [claim] = reader.read(new Map([[member.name, member]]), "hub-1");
    await new Promise((resolve) => setTimeout(resolve)); // what was asked for is answered
    return claim!.allowedIPs;
  };
  assertEquals(await given(), undefined);
  assertEquals([await given(), reads, statuses.retryMs], [[], 1, 60_000]);
  internalIP = "172.16.0.6"; // and nobody tells of it
  now = 60_000;
  assertEquals([await given(), reads], [[], 2]);
  assertEquals([await given(), reads, statuses.retryMs], [["172.16.0.6/32"], 2, undefined]);
  now = 120_000;
  assertEquals([await given(), reads], [["172.16.0.6/32"], 2]); // no doubt any more
});
