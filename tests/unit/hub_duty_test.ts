import { assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { HubDuty } from "../../lib/hub/hub_duty.ts";
import { keyOf } from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");

function hub(name: string, ready = true, said = true): NodeView {
  return {
    name,
    uid: name,
    createdAt: name.charCodeAt(0),
    labels: { [keys.hub]: "true" },
    annotations: said
      ? { [keys.publicKey]: keyOf(name.charCodeAt(0)), [keys.endpoint]: "192.0.2.1:51820" }
      : {},
    status: { ready, internalIPs: [], externalIPs: [] },
  };
}

/** The duty of hub `b`, on a clock that the test moves. */
function dutyOfB(lastKnown?: boolean) {
  const world = {
    now: 0,
    synced: true,
    saved: [] as boolean[],
    several: [] as (string | undefined)[],
    see(...hubs: NodeView[]) {
      nodes = hubs;
      const { isActive, isRouting, lookAgainMs } = duty.look();
      return [isActive, isRouting, lookAgainMs];
    },
  };
  let nodes: NodeView[] = [];
  const duty = new HubDuty(
    {
      keys,
      nodeName: "b",
      hubs: {
        get nodes() {
          return new Map(nodes.map((node) => [node.name, node]));
        },
        get synced() {
          return world.synced;
        },
      },
      onSeveral: (text) => world.several.push(text),
      now: () => world.now,
    },
    { save: (active) => world.saved.push(active) },
    lastKnown,
  );
  return world;
}

const ACTIVE = [true, true, Infinity];
const STANDBY = [false, false, Infinity];

Deno.test("a hub is the active one if everybody chooses it, or nobody can be chosen", () => {
  const world = dutyOfB();
  assertEquals(world.see(), ACTIVE, "no label yet");
  assertEquals(world.see(hub("b", true, false)), ACTIVE, "nothing is complete");
  assertEquals(world.see(hub("a", true, false), hub("b", true, false)), ACTIVE);
  assertEquals(world.see(hub("a", false), hub("b")), ACTIVE);
  assertEquals(world.see(hub("b"), hub("c")), ACTIVE);
  assertEquals(dutyOfB().see(hub("a"), hub("b")), STANDBY);
  assertEquals(dutyOfB().see(hub("a"), hub("b", true, false)), STANDBY);
  assertEquals(dutyOfB().see(hub("c")), STANDBY, "not labelled, and there is a hub");
});

Deno.test("routes come at once, and go a few seconds after another hub has become the active one", () => {
  const world = dutyOfB();
  assertEquals(world.see(hub("a", false), hub("b")), ACTIVE);
  world.now = 1000;
  assertEquals(world.see(hub("a"), hub("b")), [false, true, 5000]);
  world.now = 4000;
  assertEquals(world.see(hub("a"), hub("b")), [false, true, 2000]);
  world.now = 6000;
  assertEquals(world.see(hub("a"), hub("b")), STANDBY);
  assertEquals(world.see(hub("b")), ACTIVE);
  assertEquals(world.saved, [true, false, true]);
});

Deno.test("what was last known holds until the hubs have been listed", () => {
  for (const [lastKnown, expected] of [[undefined, ACTIVE], [true, ACTIVE], [false, STANDBY]]) {
    const world = dutyOfB(lastKnown as boolean | undefined);
    world.synced = false;
    assertEquals(world.see(), expected);
    assertEquals([world.saved, world.several], [[], []]);
  }
  const world = dutyOfB(true);
  assertEquals(world.see(hub("a"), hub("b")), [false, true, 5000], "it was the active one");
  assertEquals(dutyOfB(false).see(hub("a"), hub("b")), STANDBY);
});

Deno.test("several hubs are told with the active one first, and one hub is nothing to tell", () => {
  const world = dutyOfB();
  world.see(hub("b"), hub("a", false), hub("c", false));
  world.see(hub("b"));
  world.see(hub("b", true, false), hub("a", true, false));
  world.see(...[..."abcdefgh"].map((name) => hub(name)));
  assertEquals(world.several, [
    "several nodes are labelled as hub: b is the active one, a, c stand by",
    undefined,
    "several nodes are labelled as hub, and none has a key and an endpoint: a, b",
    "several nodes are labelled as hub: a is the active one, b, c, d, e, f and 2 more stand by",
  ]);
});
