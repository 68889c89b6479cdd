import { assertEquals } from "@std/assert";
import { Doorbell } from "../../lib/reconcile/doorbell.ts";

Deno.test("a wait ends when it rings, when its time is over, or when it is stopped", async () => {
  const bell = new Doorbell();
  const stop = new AbortController();
  bell.ring(); // nobody waits: nothing happens
  const rung = bell.wait(undefined, stop.signal);
  bell.ring();
  await rung;
  await bell.wait(0, stop.signal);
  const stopped = bell.wait(undefined, stop.signal);
  stop.abort();
  await stopped;
  assertEquals(await bell.wait(undefined, stop.signal), undefined, "stopped before it began");
});
