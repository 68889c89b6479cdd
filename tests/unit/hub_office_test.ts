import { assert, assertEquals, assertRejects } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { nextStanding } from "../../lib/contract/hub_standing.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { parseEndpoint } from "../../lib/ip/endpoint.ts";
import type { NodePatch } from "../../lib/kubernetes/api_client.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { HubOffice } from "../../lib/hub/hub_office.ts";
import { Refused } from "../../lib/reconcile/publish.ts";
import { keyOf } from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");
const LABEL = { [keys.hub]: "true" };
const SAID = {
  [keys.publicKey]: keyOf(1) as string,
  [keys.endpoint]: "203.0.113.1:51820",
  [keys.allowedIPs]: "100.96.0.0/12",
};
const signal = new AbortController().signal;

const node = (
  labels: Record<string, string>,
  annotations: Record<string, string>,
  uid = "u",
): NodeView => ({
  name: "hub-1",
  uid,
  createdAt: 0,
  labels,
  annotations,
});

/** An office before an API server that has one Node, and refuses what `refuse` says. */
function office(first: NodeView | undefined, refuse: (patch: NodePatch) => void = () => {}) {
  const world = {
    node: first,
    patches: [] as NodePatch[],
    changes: 0,
    obstacles: [] as (string | undefined)[],
    reachable: true,
    office: undefined as unknown as HubOffice,
    see(next: NodeView | undefined) {
      world.node = next;
      world.office.look();
    },
  };
  world.office = new HubOffice({
    api: {
      getNode: () => {
        if (!world.reachable) return Promise.reject(new ApiUnreachable("silence"));
        return Promise.resolve(world.node);
      },
      patchNode: (_, patch) => {
        world.patches.push(patch);
        return Promise.resolve(patch).then(refuse).then(() => world.node!);
      },
    },
    keys,
    publicKey: keyOf(1),
    options: {
      nodeName: "hub-1",
      address: [parseInterfaceAddress("100.96.0.1/32")!],
      allowedIPs: [parseCidr("100.96.0.0/12")!],
      endpoint: parseEndpoint("203.0.113.1:51820"),
      listenPort: 51820,
    },
    self: {
      get nodes() {
        return new Map(world.node ? [[world.node.name, world.node]] : []);
      },
      synced: true,
    },
    onChange: () => world.changes++,
    onObstacle: (text) => world.obstacles.push(text),
    now: () => 0,
  });
  return world;
}

Deno.test("a node is no hub any more when the label it bore is gone, until it is back", () => {
  assertEquals(nextStanding("candidate", false, true), "candidate");
  assertEquals(nextStanding("candidate", true, true), "hub");
  assertEquals(nextStanding("hub", true, true), "hub");
  assertEquals(nextStanding("hub", false, true), "retired");
  assertEquals(nextStanding("retired", false, true), "retired");
  assertEquals(nextStanding("retired", true, true), "hub");
});

Deno.test("a Node that was created again without the label has had it taken away by nobody", () => {
  assertEquals(nextStanding("hub", false, false), "candidate");
  assertEquals(nextStanding("retired", false, false), "candidate");
  assertEquals(nextStanding("candidate", false, false), "candidate");
  assertEquals(nextStanding("hub", true, false), "hub");
});

Deno.test("the label is set where it is missing at the start, then the annotations", async () => {
  const world = office(node({}, {}));
  await world.office.settle(signal);
  assertEquals(world.patches, [{ labels: LABEL }, { annotations: SAID }]);
  assertEquals([world.office.obstacle, world.office.isRetired], [undefined, false]);
});

Deno.test("when the label is taken away the annotations go, and nothing is set until it is back", async () => {
  const world = office(node(LABEL, SAID));
  await world.office.settle(signal);
  assertEquals(world.patches, []);
  world.see(node({}, { ...SAID, other: "stays" }));
  assertEquals([world.office.isRetired, world.changes], [true, 1]);
  await world.office.settle(signal);
  const gone = Object.fromEntries(Object.keys(SAID).map((key) => [key, null]));
  assertEquals(world.patches, [{ annotations: gone }]);
  assertEquals(
    world.office.obstacle,
    "the hub's label was taken away; an administrator must label this node to have it back: " +
      "kubectl label node hub-1 wireguard.kube/hub=true",
  );
  world.see(node({ [keys.hub]: "false" }, {}));
  await world.office.settle(signal);
  assertEquals([world.patches.length, world.changes], [1, 1]);
  world.see(node(LABEL, {}));
  assertEquals([world.office.isRetired, world.changes], [false, 2]);
  await world.office.settle(signal);
  assertEquals(world.patches.slice(1), [{ annotations: SAID }]);
});

Deno.test("a Node that is deleted and created again says nothing of its label", async () => {
  const world = office(node(LABEL, SAID));
  world.see(undefined);
  await world.office.settle(signal);
  assertEquals([world.office.isRetired, world.office.obstacle], [false, "there is no node hub-1"]);
  world.see(node({}, {}, "another"));
  assertEquals([world.office.isRetired, world.changes], [false, 0]);
  await world.office.settle(signal);
  assertEquals(world.patches, [{ labels: LABEL }, { annotations: SAID }]);
});

Deno.test("annotations that somebody puts back on a retired hub are taken away ever more seldom", async () => {
  const world = office(node(LABEL, SAID));
  await world.office.settle(signal);
  world.see(node({}, SAID));
  for (let i = 0; i < 10; i++) await world.office.settle(signal);
  assertEquals([world.patches.length, await world.office.settle(signal)], [3, 10_000]);
  assert(world.office.obstacle?.startsWith("somebody else writes"));
});

Deno.test("a hub whose Node somebody else writes says so, and leaves it for a while", async () => {
  const world = office(node(LABEL, {})); // the API server takes patches, and the Node does not change
  for (let i = 0; i < 3; i++) assertEquals(await world.office.settle(signal), undefined);
  const wait = await world.office.settle(signal);
  assertEquals([world.patches.length, wait], [3, 10_000]);
  assert(world.office.obstacle?.startsWith("somebody else writes"));
  assertEquals(world.obstacles.at(-1), world.office.obstacle);
});

Deno.test("a policy that keeps the label for administrators is told from a missing role", async () => {
  const table: [status: number, at: "labels" | "annotations", obstacle: string][] = [
    [
      422,
      "labels",
      "may not set wireguard.kube/hub on node hub-1: an administrator must label this node: " +
      "kubectl label node hub-1 wireguard.kube/hub=true (no)",
    ],
    [403, "labels", "may not set wireguard.kube/hub on node hub-1: apply deploy/rbac.yaml (no)"],
    [
      422,
      "annotations",
      `may not set ${Object.keys(SAID).join(", ")} on node hub-1: an admission policy of the ` +
      "cluster forbids it: compare it with deploy/policy (no)",
    ],
  ];
  for (const [status, at, obstacle] of table) {
    const world = office(node({}, {}), (patch) => {
      if (patch[at]) throw new ApiError("no", status);
    });
    await assertRejects(() => world.office.settle(signal), Refused);
    assertEquals(world.office.obstacle, obstacle);
  }
});

Deno.test("at the end the API is asked whether the label is still there", async () => {
  const world = office(node(LABEL, SAID));
  await world.office.settle(signal);
  assertEquals(await world.office.hasEnded(), false);
  world.node = node({}, SAID); // the watch has not told it
  world.reachable = false;
  assertEquals(await world.office.hasEnded(), false);
  world.reachable = true;
  assertEquals(await world.office.hasEnded(), true);
  assertEquals(world.patches.length, 1);
});

Deno.test("at the end the interface goes with the label, also where the annotations cannot be taken away", async () => {
  const world = office(node(LABEL, SAID), () => {
    throw new ApiError("no", 422);
  });
  await world.office.settle(signal);
  world.node = node({}, SAID);
  assertEquals(await world.office.hasEnded(), true);
  assertEquals(world.obstacles.at(-1), "the hub's annotations could not be taken away: no");
  world.node = node({}, SAID, "another");
  assertEquals(await world.office.hasEnded(), false, "nobody took its label away");
});

Deno.test("a hub that never got its label leaves its tunnel behind when it ends", async () => {
  const world = office(node({}, {}));
  assertEquals(await world.office.hasEnded(), false);
  assertEquals(world.patches, []);
});
