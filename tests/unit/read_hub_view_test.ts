import { assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { Diary } from "../../lib/diary.ts";
import { logOf } from "../../lib/log.ts";
import { type HubViewParts, readHubView } from "../../lib/page/read_hub_view.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";
import type { Device } from "../../lib/wireguard/device.ts";
import { keyOf } from "./arbitraries.ts";
import { claim, judge } from "./claims.ts";
import { NOW } from "./hub_views.ts";

const DEVICE: Device = {
  name: "wg0",
  listenPort: 51820,
  fwmark: 0,
  peers: new Map([[keyOf(1), {
    publicKey: keyOf(1),
    persistentKeepalive: 0,
    allowedIPs: [],
    lastHandshake: NOW - 1000,
    rxBytes: 1,
    txBytes: 2,
  }]]),
};

/** A hub whose interface reads so, and which has judged this. */
function parts(
  read: () => Promise<Device | undefined>,
  judged: HubViewParts["hub"]["admission"]["judged"],
): HubViewParts {
  return {
    hub: {
      signs: { isActive: true },
      sources: { interface: "wg0", read, now: () => NOW },
      watches: { hubs: { nodes: new Map() } },
      admission: { judged },
    },
    node: "hub-1",
    keys: annotationKeys("wireguard.kube/"),
    publicKey: keyOf(9),
    health: { readyz: () => [{ name: "tunnel", ok: true }] },
    diary: { read: () => ({ entries: [], dropped: 0 }) },
  };
}

Deno.test("a hub's view has the interface's peers under the names of their Nodes, and who is refused", async () => {
  const claims = [claim(1, "10.1.0.0/24"), claim(2, "10.1.0.0/25")];
  const view = await readHubView(
    parts(() => Promise.resolve(DEVICE), { claims, judgement: judge(claims) }),
  );
  assertEquals(view.peers.map(({ node, state }) => [node, state]), [["n1", "up"], ["n2", "never"]]);
  assertEquals(view.refusals.map(({ node, code }) => [node, code]), [["n2", "held"]]);
  assertEquals(view.interface, {
    name: "wg0",
    found: true,
    publicKey: keyOf(9),
    listenPort: 51820,
  });
  assertEquals([view.node, view.time, view.isActive], ["hub-1", NOW, true]);
});

Deno.test("before a hub has judged, its peers have no names; without an interface it has none", async () => {
  const early = await readHubView(parts(() => Promise.resolve(DEVICE), undefined));
  assertEquals(early.peers.map(({ node, publicKey }) => [node, publicKey]), [[
    undefined,
    keyOf(1),
  ]]);
  for (const read of [() => Promise.resolve(undefined), () => Promise.reject(new Error("no"))]) {
    const lost = await readHubView(parts(read, undefined));
    assertEquals([lost.interface.found, lost.peers], [false, []]);
  }
});

Deno.test("what a hub says in its log is in its diary, once, and nothing of level debug", () => {
  const diary = new Diary(() => NOW);
  const says = new LoopLog(logOf("test"), undefined, diary);
  says.did("interface removed", { interface: "wg0" });
  says.matter("hubs", "several nodes are labelled");
  says.matter("hubs", "several nodes are labelled");
  says.matter("hubs", undefined);
  says.resultOf("events")(new Error("no"));
  const { refusals } = judge([claim(1, "10.1.0.0/24"), claim(2, "10.1.0.0/25")]);
  says.refusals(refusals);
  says.refusals(refusals);
  const done = Array.from({ length: 30 }, () => ({ text: "peer added", fields: {} }));
  says.tunnel({ done, refused: [], lookAgainMs: 0 }, () => undefined);
  assertEquals(diary.read().entries.map(({ level, text }) => `${level} ${text}`), [
    "info tunnel changed",
    "warning refused what a node asks for",
    "warning events: failed, trying again",
    "info hubs: mended",
    "warning several nodes are labelled",
    "info interface removed",
  ]);
});
