import { assertEquals } from "@std/assert";
import type { ConditionState } from "../../lib/kubernetes/node_condition.ts";
import { ConditionQueue } from "../../lib/hub/condition_queue.ts";

const UP: ConditionState = { status: "True", reason: "Handshake", message: "up" };
const DOWN: ConditionState = { status: "False", reason: "NoHandshake", message: "down" };
const AGAIN = 300_000;

/** Writes all that is due, and returns whose and what. */
function write(queue: ConditionQueue, now: number): string[] {
  const written: string[] = [];
  for (let due = queue.next(now); typeof due === "object"; due = queue.next(now)) {
    queue.trying(due, now);
    written.push(`${due.node} ${due.wanted?.status ?? "none"}`);
    queue.done(due, due.wanted && { ...due.wanted, since: now, saidAt: now }, now);
  }
  return written;
}

Deno.test("a condition is written when it begins and changes, and said again while it lasts", () => {
  const queue = new ConditionQueue();
  assertEquals(queue.next(0), undefined);
  queue.update(new Map([["a", UP], ["b", DOWN]]));
  assertEquals(write(queue, 0), ["a True", "b False"]);
  queue.update(new Map([["a", UP], ["b", DOWN]]));
  assertEquals([write(queue, 1000), queue.next(1000)], [[], AGAIN - 1000]);
  queue.update(new Map([["a", UP], ["b", UP]]));
  assertEquals(write(queue, 2000), ["b True"]);
  assertEquals(write(queue, AGAIN), ["a True"]);
});

Deno.test("who is no peer any more loses it, once; one that was never written loses nothing", () => {
  const queue = new ConditionQueue();
  queue.update(new Map([["a", UP]]));
  write(queue, 0);
  queue.update(new Map([["late", UP]]));
  queue.update(new Map());
  assertEquals(write(queue, 1000), ["a none"]);
  assertEquals([write(queue, 2000), queue.next(2000)], [[], undefined]);
});

Deno.test("a hub that stands by writes nothing, and takes nothing away", () => {
  const queue = new ConditionQueue();
  queue.update(new Map([["a", UP]]));
  write(queue, 0);
  queue.update(undefined);
  assertEquals(queue.next(AGAIN), undefined);
  queue.update(new Map([["a", UP]]));
  const due = queue.next(AGAIN);
  assertEquals(due, { node: "a", wanted: UP, last: undefined }, "asked anew what it says");
});

Deno.test("one that cannot be written holds up no other, and is tried again later", () => {
  const queue = new ConditionQueue();
  queue.update(new Map([["bad", UP], ["b", UP]]));
  const bad = queue.next(0);
  if (typeof bad !== "object") throw new Error("nothing is due");
  assertEquals(bad.node, "bad");
  queue.trying(bad, 0);
  assertEquals(write(queue, 0), ["b True"]);
  assertEquals(queue.next(0), 30_000);
  assertEquals(write(queue, 30_000), ["bad True"]);
});

Deno.test("however many there are, ten a second are written in the long run, changes first", () => {
  const queue = new ConditionQueue();
  const all = (state: ConditionState) =>
    new Map(Array.from({ length: 200 }, (_, at) => [`n${at}`, state] as const));
  queue.update(all(UP));
  assertEquals(write(queue, 0).length, 20);
  let written = 20;
  for (let now = 100; now <= 18_000; now += 100) written += write(queue, now).length;
  assertEquals(written, 200);
  queue.update(new Map([...all(UP), ["n150", DOWN]]));
  assertEquals(write(queue, AGAIN + 20_000)[0], "n150 False");
});
