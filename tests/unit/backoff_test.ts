import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { askedDelay, backoffDelay, delayAfter, sleep } from "../../lib/backoff.ts";
import { ApiError } from "../../lib/kubernetes/api_error.ts";

Deno.test("the delay's bound doubles with each failure up to the largest", () => {
  const almostOne = { initialMs: 200, maxMs: 3000, random: () => 0.999999 };
  const bounds = [0, 1, 2, 3, 4, 5, 2000].map((n) => Math.ceil(backoffDelay(n, almostOne)));
  assertEquals(bounds, [200, 400, 800, 1600, 3000, 3000, 3000]);
});

Deno.test("the delay lies anywhere between nothing and its bound", () => {
  fc.assert(fc.property(
    fc.nat(),
    fc.integer({ min: 1, max: 1000 }),
    fc.integer({ min: 1, max: 100_000 }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (failures, initialMs, maxMs, drawn) => {
      const delay = backoffDelay(failures, { initialMs, maxMs, random: () => drawn });
      assert(delay >= 0 && delay <= maxMs && delay <= initialMs * 2 ** failures);
      if (failures === 0) assertEquals(delay, drawn * Math.min(initialMs, maxMs));
    },
  ));
});

Deno.test("the delay after an error is what the other side asks for, and the backoff on top", () => {
  const policy = { initialMs: 200, maxMs: 3000, random: () => 0.5 };
  const told = new ApiError("GET /api/v1/nodes: 429", 429, "TooManyRequests", 30_000);
  assertEquals(delayAfter(told, 1, policy), 30_200);
  for (const error of [new ApiError("500", 500), new Error("other"), "text", null, undefined]) {
    assertEquals([askedDelay(error), delayAfter(error, 1, policy)], [0, 200]);
  }
});

Deno.test("a sleep ends when the signal is aborted, and does not begin after that", async () => {
  const stop = new AbortController();
  const slept = sleep(3_600_000, stop.signal);
  stop.abort();
  await slept;
  await sleep(3_600_000, stop.signal);
});

Deno.test("a sleep ends by itself and leaves no listener behind", async () => {
  const signal = new AbortController().signal;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (
    type: string,
    listener: EventListener,
  ) => (listeners++, add(type, listener));
  signal.removeEventListener = (
    type: string,
    listener: EventListener,
  ) => (listeners--, remove(type, listener));
  await sleep(0, signal);
  assertEquals(listeners, 0);
});
