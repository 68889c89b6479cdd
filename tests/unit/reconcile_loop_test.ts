import { assert, assertEquals } from "@std/assert";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import { type LoopParts, ReconcileLoop, type Turn } from "../../lib/reconcile/reconcile_loop.ts";

/**
 * A loop whose clock stands still unless the test moves it, and whose backoff draws 0. `act` is what
 * its turns do; the loop stops after the turn for which `act` says so, or when the test aborts.
 */
function bench(act: (turn: Turn, number: number) => unknown, parts: Partial<LoopParts> = {}) {
  const stop = new AbortController();
  const state = { now: 1000, results: [] as string[], readBacks: [] as boolean[] };
  const loop: ReconcileLoop = new ReconcileLoop({
    turn: async (turn) => {
      state.readBacks.push(turn.readBack);
      return await act(turn, state.readBacks.length) as number | undefined;
    },
    onResult: (error) => state.results.push(error instanceof Error ? error.message : "recovered"),
    resyncMs: 60_000,
    now: () => state.now,
    random: () => 0,
    ...parts,
  });
  const run = () => loop.run(stop.signal);
  return { loop, stop, state, run };
}

/** Waits for what other loops of events do first. */
const later = () => new Promise((resolve) => setTimeout(resolve, 1));

Deno.test("the first turn comes by itself and reads everything back", async () => {
  const { stop, state, run } = bench(() => stop.abort());
  await run();
  assertEquals(state, { now: 1000, results: [], readBacks: [true] });
});

Deno.test("marks that come in a burst, also during a turn, share one turn", async () => {
  const { loop, stop, state, run } = bench(async (_, number) => {
    if (number === 2) return stop.abort();
    for (let i = 0; i < 5; i++) loop.mark();
    await later();
    for (let i = 0; i < 5; i++) loop.mark();
  });
  await run();
  assertEquals(state.readBacks, [true, false], "what is remembered is trusted at the second");
});

Deno.test("a mark wakes a loop that has nothing to do", async () => {
  const { loop, stop, state, run } = bench((_, number) => {
    if (number === 1) setTimeout(loop.mark, 1);
    else stop.abort();
  });
  await run();
  assertEquals(state.readBacks.length, 2);
});

Deno.test("there is one turn at a time", async () => {
  let running = 0;
  const { loop, stop, run } = bench(async (_, number) => {
    assertEquals(++running, 1);
    loop.mark();
    loop.markKernel();
    await later();
    running--;
    if (number === 4) stop.abort();
  });
  await run();
  assertEquals(running, 0);
});

Deno.test("everything is read back when the resync is due, and not before", async () => {
  const { loop, stop, state, run } = bench((_, number) => {
    if (number === 4) return stop.abort();
    state.now += number === 2 ? 30_001 : 29_999;
    loop.mark();
  });
  await run();
  assertEquals(state.readBacks, [true, false, true, false]); // at 0, 29.999, 60 and 89.999 s
});

Deno.test("the resync comes by itself", async () => {
  const { stop, state, run } = bench(
    (_, number) => {
      if (number === 3) stop.abort();
    },
    { resyncMs: 2, now: () => performance.now() },
  );
  await run();
  assertEquals(state.readBacks, [true, true, true]);
});

Deno.test("a notification of the kernel brings a reading, but no more than one in half a second", async () => {
  const { loop, stop, state, run } = bench((_, number) => {
    loop.markKernel();
    if (number === 1) {
      state.now += 499;
      loop.mark();
    } else if (number === 2) {
      state.now += 1;
      loop.mark();
    } else stop.abort();
  });
  await run();
  assertEquals(state.readBacks, [true, false, true]);
});

Deno.test("a failed turn is tried again with everything read back, until one succeeds", async () => {
  const { loop, stop, state, run } = bench((_, number) => {
    if (number <= 2) throw new Error(`failure ${number}`);
    if (number === 3) return loop.mark();
    stop.abort();
  });
  await run();
  assertEquals(state.results, ["failure 1", "failure 2", "recovered"]);
  assertEquals(state.readBacks, [true, true, true, false]);
});

Deno.test("the loop tells how long each turn took, and whether it succeeded", async () => {
  const turns: [number, boolean][] = [];
  const { loop, stop, state, run } = bench((_, number) => {
    state.now += 10 * number;
    if (number === 1) throw new Error("no");
    if (number === 2) return loop.mark();
    stop.abort();
  }, { onTurn: (ms, ok) => turns.push([ms, ok]) });
  await run();
  assertEquals(turns, [[10, false], [20, true], [30, true]]);
});

Deno.test("a loop that fails backs off, and is stopped at once", async () => {
  const { loop, stop, state, run } = bench(() => {
    throw new Error("no");
  }, { random: () => 0.999 });
  const ended = run();
  for (let i = 0; state.results.length === 0 && i < 1000; i++) await later();
  loop.mark(); // does not cut the pause short
  await later();
  assertEquals(state.results, ["no"]);
  stop.abort();
  await ended;
  assertEquals(state.readBacks.length, 1);
});

Deno.test("a turn may ask for the next one in a while", async () => {
  const { stop, state, run } = bench(
    (_, number) => {
      if (number === 2) stop.abort();
      return 2;
    },
    { now: () => performance.now() },
  );
  await run();
  assertEquals(state.readBacks, [true, false]);
});

Deno.test("a loop that is stopped turns no more, whatever it was doing", async () => {
  const idle = bench(() => {});
  const ended = idle.run();
  for (let i = 0; idle.state.readBacks.length === 0 && i < 1000; i++) await later();
  await later();
  idle.loop.mark();
  for (let i = 0; i < 20; i++) await Promise.resolve(); // now the loop gathers marks for a turn
  idle.stop.abort();
  await ended;
  assertEquals(idle.state.readBacks.length, 1);

  const stopped = bench(() => {});
  stopped.stop.abort();
  await stopped.run();
  assertEquals(stopped.state.readBacks, []);
});

Deno.test("a turn that fails because it was stopped is no failure", async () => {
  const { stop, state, run } = bench((turn) => {
    stop.abort();
    turn.signal.throwIfAborted();
  });
  await run();
  assertEquals(state.results, []);
});

Deno.test("the loop tells when its last turn ended", async () => {
  const { loop, stop, state, run } = bench(() => {
    state.now = 5000;
    stop.abort();
  });
  assertEquals(loop.lastTurn, 1000);
  await run();
  assert(loop.lastTurn === 5000);
});

Deno.test("a turn that the API server asks to repeat later waits as long", async () => {
  const slept: number[] = [];
  const { stop, run } = bench((_, number) => {
    if (number === 3) return stop.abort();
    throw new ApiError("PATCH /api/v1/nodes/a: 429", 429, "TooManyRequests", number * 7_000);
  }, { sleep: (ms) => Promise.resolve(void slept.push(ms)) });
  await run();
  assertEquals(slept.filter((ms) => ms > 100), [7_000, 14_000]);
});
