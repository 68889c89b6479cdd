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
