import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { EndpointResolver } from "../../lib/reconcile/endpoint_resolver.ts";

const [A, B] = ["192.0.2.1", "192.0.2.2"] as IpAddress[] as [IpAddress, IpAddress];
const HUB = { host: "hub.example", port: 51820 };

/** A resolver with a clock and a name service that the test holds in its hands. */
function bench() {
  const asked: string[] = [];
  const state = { now: 0, answer: [A] as readonly IpAddress[] | Error, changes: 0 };
  const resolver = new EndpointResolver(
    () => state.changes++,
    () => state.now,
    (name) => {
      asked.push(name);
      const { answer } = state;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  );
  /** Asks, lets the answer come, and gives what is known then. */
  const settle = async (): Promise<IpAddress | undefined> => {
    resolver.resolve(HUB);
    await new Promise((resolve) => setTimeout(resolve));
    return resolver.resolve(HUB)?.host;
  };
  return { resolver, state, asked, settle };
}

Deno.test("an address needs no name service", () => {
  const { resolver, asked } = bench();
  const endpoint = { host: A, port: 1 };
  assertEquals(resolver.resolve(endpoint), endpoint);
  assertEquals(asked, []);
});

Deno.test("a name is asked for once, and its answer announced", async () => {
  const { resolver, state, asked, settle } = bench();
  assertEquals([resolver.resolve(HUB), resolver.resolve(HUB)], [undefined, undefined]);
  assertEquals(await settle(), A);
  assertEquals(resolver.resolve({ ...HUB, port: 7 }), { host: A, port: 7 });
  assertEquals([asked, state.changes], [["hub.example"], 1]);
});

Deno.test("a name is asked for again after a minute, and stands meanwhile", async () => {
  const { state, asked, settle } = bench();
  await settle();
  state.answer = [B];
  state.now = 59_999;
  assertEquals([await settle(), asked.length], [A, 1]);
  state.now = 60_000;
  assertEquals([await settle(), asked.length, state.changes], [B, 2, 2]);
});

Deno.test("a name with several addresses keeps the one it had while that is among them", async () => {
  const { state, settle } = bench();
  await settle();
  state.answer = [B, A];
  state.now = 60_000;
  assertEquals([await settle(), state.changes], [A, 1]);
});

Deno.test("an address at which nobody answers is left for the name's next, a minute at each", async () => {
  const { resolver, state, settle } = bench();
  state.answer = [A, B];
  await settle();
  const after = async (now: number) => {
    state.now = now;
    resolver.rotate(HUB);
    return await settle();
  };
  assertEquals(await after(59_999), A);
  assertEquals(await after(60_000), B, "and the answer that comes now changes nothing");
  assertEquals(await after(119_999), B);
  assertEquals(await after(120_000), A);
  state.answer = [A];
  assertEquals(await after(180_000), A, "B is gone");
  assertEquals(await after(240_000), A, "there is no other");
  resolver.rotate({ host: A, port: 1 });
  resolver.rotate({ host: "unknown.example", port: 1 });
});

Deno.test("the last answer stands when the name service fails, which is soon asked again", async () => {
  for (const failure of [new Error("SERVFAIL"), []]) {
    const { state, asked, settle } = bench();
    await settle();
    state.answer = failure;
    state.now = 60_000;
    assertEquals([await settle(), asked.length, state.changes], [A, 2, 1]);
    state.answer = [B];
    state.now = 65_000;
    assertEquals([await settle(), asked.length], [B, 3]);
  }
});

Deno.test("names that nobody asks for any more make room for new ones", async () => {
  const { resolver, asked, settle } = bench();
  await settle();
  for (let i = 0; i < 10_000; i++) resolver.resolve({ host: `${i}.example`, port: 1 });
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(resolver.resolve({ host: "9999.example", port: 1 })?.host, A);
  const before = asked.length;
  assertEquals(resolver.resolve(HUB), undefined, "forgotten, as the one asked for longest ago");
  assertEquals(asked.length, before + 1);
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("all addresses of a host are known, and a change of any is announced", async () => {
  const { resolver, state, settle } = bench();
  assertEquals(resolver.addresses("::ffff:192.0.2.1"), [A], "an address is its own");
  assertEquals(resolver.addresses(HUB.host), []);
  await settle();
  assertEquals(resolver.addresses(HUB.host), [A]);
  Object.assign(state, { now: 60_000, answer: [B, A], changes: 0 });
  await settle();
  assertEquals([resolver.addresses(HUB.host), state.changes], [[A, B], 1]);
  Object.assign(state, { now: 120_000, answer: [A, B] });
  await settle();
  assertEquals(state.changes, 1, "their order is no change");
  Object.assign(state, { now: 180_000, answer: new Error("down") });
  await settle();
  assertEquals([resolver.addresses(HUB.host), state.changes], [[A, B], 1]);
});

/** A resolver whose look-ups end when the test says so. */
function slowBench() {
  const underWay = new Map<string, (found: IpAddress[]) => void>();
  const state = { now: 0, asked: [] as string[] };
  const resolver = new EndpointResolver(() => {}, () => state.now, (name) => {
    assertEquals(underWay.has(name), false, `${name} is being looked up already`);
    state.asked.push(name);
    return new Promise((resolve) => underWay.set(name, resolve));
  });
  /** A turn of a loop that wants these names. */
  const turn = (...hosts: string[]) => hosts.map((host) => resolver.resolve({ host, port: 1 }));
  const end = async (name: string, found: IpAddress[]) => {
    underWay.get(name)!(found);
    underWay.delete(name);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { resolver, state, underWay, turn, end };
}

Deno.test("four look-ups are under way at most, and the one that waits longest is next", async () => {
  const { state, underWay, turn, end } = slowBench();
  const names = Array.from({ length: 50 }, (_, i) => `${i}.example`);
  for (const now of [0, 5_000, 60_000, 600_000]) {
    state.now = now;
    turn(...names);
    assertEquals([...underWay.keys()], names.slice(0, 4), `after ${now} ms of silence`);
  }
  await end("2.example", []);
  assertEquals(state.asked.slice(4), ["4.example"]);
  turn(...names.toReversed());
  await end("0.example", [A]);
  assertEquals(state.asked.slice(5), ["5.example"], "asking again changes no place");
  for (const name of names) if (underWay.has(name)) await end(name, [A]);
  assertEquals(state.asked, names);
});

Deno.test("a name is left alone for a while from the end of a look-up on, however long that took", async () => {
  const { state, turn, end } = slowBench();
  turn("a");
  state.now = 10_000;
  await end("a", []);
  state.now = 14_999;
  turn("a");
  assertEquals(state.asked, ["a"]);
  state.now = 15_000;
  turn("a");
  assertEquals(state.asked, ["a", "a"]);
  await end("a", [B]); // late, but an answer
  assertEquals(turn("a")[0]?.host, B);
});

Deno.test("a Node that changes its name again and again keeps nobody waiting", async () => {
  const { state, underWay, turn, end } = slowBench();
  for (let i = 0; i < 100; i++) {
    state.now = i * 2_000;
    if (i < 10) turn(`${i}.stranger`);
    else turn("honest", `${i}.stranger`);
  }
  assertEquals([...underWay.keys()], ["0.stranger", "1.stranger", "2.stranger", "3.stranger"]);
  await end("0.stranger", []);
  await end("1.stranger", []);
  assertEquals(state.asked.slice(4), ["honest", "99.stranger"]);
  await end("2.stranger", []);
  assertEquals(state.asked.length, 6, "its earlier names are not looked up any more");
});

Deno.test("the names of strangers do not make our own server's wait", async () => {
  const { resolver, state, turn, end } = slowBench();
  turn("a", "b", "c", "d", "e");
  resolver.addresses("api.example");
  await end("a", []);
  assertEquals(state.asked.slice(4), ["api.example"]);
});
