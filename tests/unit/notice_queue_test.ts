import { assertEquals } from "@std/assert";
import type { NodeNotice } from "../../lib/hub/node_notice.ts";
import { NoticeQueue } from "../../lib/hub/notice_queue.ts";

const notice = (node: string, message = "m", reason = "ClaimRefused"): NodeNotice => ({
  node,
  type: "Warning",
  reason,
  message,
  action: "Admit",
});
const everywhere = () => true;

const AGAIN = 50 * 60_000;

/** Tells all that may be told now, and returns whom and what. */
function tell(queue: NoticeQueue, now: number): string[] {
  const told: string[] = [];
  for (
    let next = queue.next(now, everywhere);
    typeof next === "object";
    next = queue.next(now, everywhere)
  ) {
    queue.telling(next, now);
    told.push(`${next.node} ${next.message}`);
  }
  return told;
}

Deno.test("what holds is told once, until its message changes or it is mended and comes back", () => {
  const queue = new NoticeQueue();
  assertEquals(queue.next(0, everywhere), undefined);
  queue.update("test", [notice("a"), notice("b")]);
  assertEquals(tell(queue, 0), ["a m", "b m"]);
  queue.update("test", [notice("b"), notice("a")]);
  assertEquals([tell(queue, 1), queue.next(1, everywhere)], [[], AGAIN - 1]);
  queue.update("test", [notice("a", "other"), notice("b")]);
  assertEquals(tell(queue, 2), ["a other"]);
  queue.update("test", [notice("a", "other")]);
  queue.update("test", [notice("a", "other"), notice("b")]);
  assertEquals(tell(queue, 3), ["b m"]);
});

Deno.test("what is said twice alike is told once", () => {
  const queue = new NoticeQueue();
  for (let now = 0; now < AGAIN; now += 60_000) {
    queue.update("test", [notice("a"), notice("a")]);
    assertEquals(tell(queue, now), now === 0 ? ["a m"] : []);
  }
});

Deno.test("what could not be told is told later, unless it is over", () => {
  const queue = new NoticeQueue();
  queue.update("test", [notice("a")]);
  tell(queue, 0);
  queue.failed(notice("a"));
  assertEquals(tell(queue, 1), ["a m"]);
  queue.update("test", []);
  queue.failed(notice("a"));
  assertEquals(queue.next(2, everywhere), undefined);
});

Deno.test("what lasts is told again every 50 minutes, after what is new", () => {
  const queue = new NoticeQueue();
  queue.update("test", [notice("a")]);
  tell(queue, 0);
  assertEquals([tell(queue, AGAIN - 1), queue.next(AGAIN - 1, everywhere)], [[], 1]);
  queue.update("test", [notice("a"), notice("b")]);
  assertEquals(tell(queue, AGAIN), ["b m", "a m"]);
  assertEquals(queue.next(AGAIN, everywhere), AGAIN);
  queue.update("test", []);
  assertEquals(queue.next(2 * AGAIN, everywhere), undefined);
});

Deno.test("a Node of which much is to be told is told a few at a time, and delays no other", () => {
  const queue = new NoticeQueue();
  const many = Array.from({ length: 20 }, (_, i) => notice("a", `10.${i}.0.0/16`));
  queue.update("test", [...many, notice("b")]);
  assertEquals(tell(queue, 0).map((text) => text[0]).join(""), "aaaaab");
  assertEquals(queue.next(0, everywhere), 60_000);
  assertEquals(tell(queue, 60_000), ["a 10.5.0.0/16"]);
});

Deno.test("however many Nodes there are, and whatever they make up, the API is not flooded", () => {
  const queue = new NoticeQueue();
  let told = 0;
  for (let second = 0; second < 600; second++) {
    queue.update("test", Array.from({ length: 300 }, (_, i) => notice(`n${i}`, `${second}`)));
    told += tell(queue, second * 1000).length;
  }
  assertEquals(told, 25 + 599);
});

Deno.test("what is to be told once is not told again while it lasts", () => {
  const queue = new NoticeQueue();
  const once = { ...notice("a"), once: true };
  queue.update("test", [once]);
  assertEquals(tell(queue, 0), ["a m"]);
  assertEquals(queue.next(AGAIN, everywhere), undefined);
  queue.update("test", []);
  queue.update("test", [once]);
  assertEquals(tell(queue, AGAIN + 1), ["a m"], "it was over");
});

Deno.test("what one says does not take back what another has said", () => {
  const queue = new NoticeQueue();
  queue.update("one", [notice("a")]);
  queue.update("two", [notice("a", "other")]);
  queue.update("two", []);
  assertEquals(tell(queue, 0), ["a m"]);
});

Deno.test("about a Node that is not known nothing is told, until it is", () => {
  const queue = new NoticeQueue();
  queue.update("test", [notice("gone"), notice("b")]);
  const known = (node: string) => node !== "gone";
  const first = queue.next(0, known);
  assertEquals(typeof first === "object" && first.node, "b");
  queue.telling(notice("b"), 0);
  assertEquals(queue.next(0, known), AGAIN);
  assertEquals(tell(queue, 0), ["gone m"]);
});
