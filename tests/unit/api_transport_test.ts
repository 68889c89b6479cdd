import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { ApiTransport } from "../../lib/kubernetes/api_transport.ts";
import type { Lease } from "../../lib/kubernetes/credentials.ts";

/** A transport whose credential comes when the test says so. */
function bench(requestTimeoutMs: number) {
  const leasing = Promise.withResolvers<Lease>();
  const state = { givenBack: 0, told: [] as [string, unknown][] };
  const transport = new ApiTransport({
    baseUrl: "https://api.example",
    proxyUrl: undefined,
    lease: () => leasing.promise,
    expire: () => {},
    replaceClient: () => {},
    [Symbol.dispose]: () => {},
  }, { requestTimeoutMs, onRequest: ({ path }, error) => state.told.push([path, error]) });
  const come = async () => {
    leasing.resolve({
      baseUrl: "https://api.example",
      headers: {},
      client: undefined as unknown as Deno.HttpClient,
      [Symbol.dispose]: () => state.givenBack++,
    });
    await leasing.promise;
  };
  return { transport, state, come };
}

Deno.test("a credential that cannot be read in time is a request without an answer", async () => {
  const { transport, state, come } = bench(1);
  const { signal } = new AbortController();
  const error = await assertRejects(
    () => transport.send({ path: "/version", signal }),
    ApiUnreachable,
  );
  assertEquals([error.message, error.timedOut], ["GET /version: no answer for 0.001 s", true]);
  const watch = transport.lines({ path: "/watch", signal }, 60_000);
  const silence = await assertRejects(() => watch.next(), ApiUnreachable, "for 0.001 s");
  assertEquals(state.told, [["/version", error], ["/watch", silence]]);
  await come();
  assertEquals(state.givenBack, 2, "leases that come too late are given back");
});

Deno.test("who stops does not wait for a credential", async () => {
  const { transport, state, come } = bench(60_000);
  const stop = new AbortController();
  const reason = new Error("stopped");
  const sent = transport.send({ path: "/version", signal: stop.signal }).catch((error) => error);
  stop.abort(reason);
  assertStrictEquals(await sent, reason);
  const later = transport.send({ path: "/version", signal: stop.signal }).catch((error) => error);
  assertStrictEquals(await later, reason);
  await come();
  assertEquals(state.givenBack, 2);
  assertEquals(state.told, [], "a request that was given up says nothing of the server");
});
