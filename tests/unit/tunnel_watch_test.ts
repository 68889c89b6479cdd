import { assertEquals } from "@std/assert";
import { TunnelWatch } from "../../lib/hub/tunnel_watch.ts";

const START = Date.parse("2026-03-01T12:00:00Z");
const SESSION = 180_000;

/** A watch with a clock of its own, and the handshakes of its peers. */
function bench(handshakes: Record<string, number> = {}) {
  const watch = new TunnelWatch();
  const state = { now: 0, wall: START, isActive: true };
  /** Passes time, has these peers shake hands now, and returns what then is to be told. */
  const after = (ms: number, ...shaking: readonly string[]) => {
    state.now += ms;
    state.wall += ms;
    for (const node of shaking) handshakes[node] = state.wall;
    const tunnels = Object.entries(handshakes)
      .map(([node, lastHandshake]) => ({ node, lastHandshake }));
    const before = said();
    const differs = watch.look(tunnels, state, state.isActive);
    if (!differs) assertEquals(said(), before, "nothing is untold");
    return said();
  };
  const said = () => watch.notices("hub-1").map(({ node, reason }) => `${node} ${reason}`);
  return { watch, state, handshakes, after };
}

Deno.test("a peer's tunnel comes up once, and is down when its session has ended", () => {
  const { after, watch } = bench({ a: 0 });
  assertEquals(after(0), []);
  assertEquals(watch.states.get("a"), "never");
  assertEquals(after(10_000, "a"), ["a TunnelUp"]);
  for (let minutes = 0; minutes < 60; minutes += 2) {
    assertEquals(after(120_000, "a"), ["a TunnelUp"], "that of before");
  }
  assertEquals([after(SESSION), watch.states.get("a")], [["a TunnelUp"], "up"]);
  assertEquals([after(1), watch.states.get("a")], [["a TunnelDown"], "down"]);
  assertEquals(after(3_600_000), ["a TunnelDown"]);
  assertEquals(after(10_000, "a"), ["a TunnelUp"]);
});

Deno.test("an interruption that is shorter than a session is none", () => {
  const { after } = bench({ a: START - 5_000 });
  for (let times = 0; times < 20; times++) assertEquals(after(170_000, "a"), []);
});

Deno.test("what a hub finds when it begins is nothing new", () => {
  const { after, watch } = bench({
    up: START - 100_000,
    down: START - 400_000,
    never: 0,
  });
  assertEquals(after(0), []);
  assertEquals(["up", "down", "never"].map((node) => watch.states.get(node)), [
    "up",
    "down",
    "never",
  ]);
  assertEquals(after(80_001), ["up TunnelDown"], "100 s of its session had passed");
  assertEquals(after(1000, "down"), ["up TunnelDown", "down TunnelUp"]);
});

Deno.test("a peer that comes later is told of when it is up", () => {
  const { after, handshakes } = bench();
  after(0);
  handshakes.late = 0;
  assertEquals(after(1000), []);
  assertEquals(after(1000, "late"), ["late TunnelUp"]);
  assertEquals(after(1000, "late", "later"), ["late TunnelUp", "later TunnelUp"]);
});

Deno.test("a peer that goes is forgotten, and one of its name is another", () => {
  const { after, handshakes } = bench({ a: 0 });
  after(0);
  after(1000, "a");
  delete handshakes.a;
  assertEquals(after(SESSION * 2), []);
  handshakes.a = 0;
  assertEquals(after(1000), []);
  assertEquals(after(1000, "a"), ["a TunnelUp"]);
});

Deno.test("a clock that is set, forward or back, takes no tunnel down or up", () => {
  for (const jump of [86_400_000, -86_400_000]) {
    const { after, state } = bench({ a: START - 1000, never: 0 });
    after(0);
    state.wall += jump;
    assertEquals(after(10_000), []);
    assertEquals(after(100_000, "a"), []);
    assertEquals(after(SESSION + 1), ["a TunnelDown"]);
  }
});

Deno.test("an interface that is made again takes nobody down who is back in time", () => {
  const { after, handshakes, watch } = bench({ a: START, b: START });
  after(0);
  handshakes.a = handshakes.b = 0;
  assertEquals(after(10_000), []);
  assertEquals(after(10_000, "a"), []);
  assertEquals(after(SESSION - 20_000), []);
  assertEquals(after(1), ["b TunnelDown"]);
  assertEquals(watch.states.get("b"), "down", "it was there once");
});

Deno.test("a hub that stands by tells nothing; one that takes over tells who does not come", () => {
  const { after, state } = bench({ a: 0, b: 0 });
  state.isActive = false;
  assertEquals(after(0), []);
  assertEquals(after(10_000, "a"), [], "not its own to tell");
  assertEquals(after(SESSION * 2), []);
  state.isActive = true;
  assertEquals(after(1000), []);
  assertEquals(after(5000, "a"), [], "as it was with the hub before");
  assertEquals(after(SESSION - 5000 + 1), ["b TunnelDown"]);
  assertEquals(after(1000, "a", "b"), ["b TunnelUp"]);
  state.isActive = false;
  assertEquals(after(1000), []);
});

Deno.test("an end forgets all, and what follows is a beginning", () => {
  const { after, watch } = bench({ a: START });
  after(0);
  assertEquals(after(SESSION + 1), ["a TunnelDown"]);
  watch.end();
  assertEquals([watch.notices("hub-1"), watch.states.get("a")], [[], undefined]);
  assertEquals(after(1000, "a"), []);
});

Deno.test("TunnelUp is told once, TunnelDown as long as it lasts, each in words that stay", () => {
  const { after, watch } = bench({ a: 0 });
  after(0);
  after(1000, "a");
  assertEquals(watch.notices("hub-1"), [{
    node: "a",
    type: "Normal",
    reason: "TunnelUp",
    message: "hub hub-1: the tunnel is up",
    once: true,
    action: "Watch",
  }]);
  after(SESSION + 1);
  const [down, ...others] = watch.notices("hub-1");
  assertEquals([down!.type, down!.reason, down!.once, others], [
    "Warning",
    "TunnelDown",
    undefined,
    [],
  ]);
});

Deno.test("all peers are looked at every few seconds, and at once when the hub's duty changes", () => {
  const watch = new TunnelWatch();
  const at = (now: number) => ({ now, wall: START + now });
  const due = (now: number, isActive: boolean) => watch.isDue(at(now), isActive);
  assertEquals(due(0, true), true);
  watch.look([], at(0), true);
  assertEquals([due(4_999, true), due(4_999, false), due(5_000, true)], [false, true, true]);
  watch.end();
  assertEquals(due(1, false), true);
});
