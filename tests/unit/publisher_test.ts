import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { Publication } from "../../lib/contract/publication.ts";
import type { NodePatch } from "../../lib/kubernetes/api_client.ts";
import { ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { Publisher } from "../../lib/reconcile/publisher.ts";
import { keyOf } from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");
const { signal } = new AbortController();
const sayingKeyOf = (seed: number): Publication => ({
  role: "peer",
  publicKey: keyOf(seed),
  allowedIPs: [],
});
const EMPTY: NodeView = { name: "edge-1", uid: "u", createdAt: 0, labels: {}, annotations: {} };

/** An API server that has one Node, and a clock. */
function bench() {
  const world = { now: 0, node: EMPTY, patches: 0, reachable: true };
  const api = {
    patchNode: (_: string, { labels, annotations }: NodePatch) => {
      world.patches++;
      if (!world.reachable) return Promise.reject(new ApiUnreachable("silence"));
      const { node } = world;
      world.node = {
        ...node,
        labels: { ...node.labels, ...labels as Record<string, string> },
        annotations: { ...node.annotations, ...annotations as Record<string, string> },
      };
      return Promise.resolve(world.node);
    },
  };
  const publisher = new Publisher(() => world.now);
  const settle = (by = publisher, seed = 1) =>
    by.publish(api, world.node, sayingKeyOf(seed), keys, signal);
  return { world, publisher, settle };
}

Deno.test("two that write one Node write every 10 s in the long run, and say that there is another", async () => {
  const { world, publisher, settle } = bench();
  const other = new Publisher(() => world.now);
  for (world.now = 0; world.now < 5_000; world.now += 10) {
    await settle();
    await settle(other, 2);
  }
  assertEquals(world.patches, 7, "three times each, and the label once");
  assertStringIncludes(publisher.conflict!, "somebody else writes what this program says on node");
  assertEquals(publisher.lookAgainMs, 5_000);
  for (; world.now < 605_000; world.now += 10) {
    await settle();
    await settle(other, 2);
  }
  assert(world.patches <= 7 + 2 * 60, `${world.patches} patches`);
  assert(world.patches >= 7 + 2 * 59, `${world.patches} patches`);
});

Deno.test("a conflict is over when the Node has stayed as it is for a while", async () => {
  const { world, publisher, settle } = bench();
  for (let i = 0; i < 5; i++) {
    world.node = EMPTY;
    await settle();
  }
  assertEquals(world.node, EMPTY, "left undone");
  assertEquals(publisher.lookAgainMs, 10_000);
  world.now = 10_000;
  await settle();
  assertEquals(world.node.annotations[keys.publicKey], keyOf(1));
  assert(publisher.conflict);
  world.now = 39_999;
  await settle();
  assert(publisher.conflict);
  world.now = 40_000;
  await settle();
  assertEquals([publisher.conflict, publisher.lookAgainMs], [undefined, undefined]);
});

Deno.test("what is taken away by hand is back at once, and failures count for nothing", async () => {
  const { world, publisher, settle } = bench();
  world.reachable = false;
  for (let i = 0; i < 10; i++) await assertRejects(() => settle(), ApiUnreachable);
  world.reachable = true;
  for (let i = 0; i < 3; i++) {
    world.node = EMPTY;
    await settle();
    assertEquals(world.node.labels, { [keys.peer]: "true" });
  }
  assertEquals(publisher.conflict, undefined);
});
