import { assertEquals } from "@std/assert";
import type { Refusal } from "../../lib/contract/refusal.ts";
import { RefusalNotices } from "../../lib/reconcile/refusal_notices.ts";

const refusal = (node: string, value = "10.0.0.0/8", reason = "r"): Refusal => ({
  node,
  subject: "allowed-ips",
  value,
  code: "held",
  reason,
});

const AGAIN = 50 * 60_000;

/** Tells all that may be told now, and returns whom and what. */
function tell(notices: RefusalNotices, now: number): string[] {
  const told: string[] = [];
  for (let next = notices.next(now); typeof next === "object"; next = notices.next(now)) {
    notices.telling(next, now);
    told.push(`${next.node} ${next.value} ${next.reason}`);
  }
  return told;
}

Deno.test("a refusal is told once, until its reason changes or it is mended and comes back", () => {
  const notices = new RefusalNotices();
  assertEquals(notices.next(0), undefined);
  notices.update([refusal("a"), refusal("b")]);
  assertEquals(tell(notices, 0), ["a 10.0.0.0/8 r", "b 10.0.0.0/8 r"]);
  notices.update([refusal("b"), refusal("a")]);
  assertEquals([tell(notices, 1), notices.next(1)], [[], AGAIN - 1]);
  notices.update([refusal("a", undefined, "other"), refusal("b")]);
  assertEquals(tell(notices, 2), ["a 10.0.0.0/8 other"]);
  notices.update([refusal("a", undefined, "other")]);
  notices.update([refusal("a", undefined, "other"), refusal("b")]);
  assertEquals(tell(notices, 3), ["b 10.0.0.0/8 r"]);
});

Deno.test("what is refused twice alike is told once", () => {
  const notices = new RefusalNotices();
  for (let now = 0; now < AGAIN; now += 60_000) {
    notices.update([refusal("a"), refusal("a")]);
    assertEquals(tell(notices, now), now === 0 ? ["a 10.0.0.0/8 r"] : []);
  }
});

Deno.test("a refusal that could not be told is told later, unless it is over", () => {
  const notices = new RefusalNotices();
  notices.update([refusal("a")]);
  tell(notices, 0);
  notices.failed(refusal("a"));
  assertEquals(tell(notices, 1), ["a 10.0.0.0/8 r"]);
  notices.update([]);
  notices.failed(refusal("a"));
  assertEquals(notices.next(2), undefined);
});

Deno.test("what lasts is told again every 50 minutes, after what is new", () => {
  const notices = new RefusalNotices();
  notices.update([refusal("a")]);
  tell(notices, 0);
  assertEquals([tell(notices, AGAIN - 1), notices.next(AGAIN - 1)], [[], 1]);
  notices.update([refusal("a"), refusal("b")]);
  assertEquals(tell(notices, AGAIN), ["b 10.0.0.0/8 r", "a 10.0.0.0/8 r"]);
  assertEquals(notices.next(AGAIN), AGAIN);
  notices.update([]);
  assertEquals(notices.next(2 * AGAIN), undefined);
});

Deno.test("a Node with many refusals is told a few at a time, and delays no other", () => {
  const notices = new RefusalNotices();
  const many = Array.from({ length: 20 }, (_, i) => refusal("a", `10.${i}.0.0/16`));
  notices.update([...many, refusal("b")]);
  assertEquals(tell(notices, 0).map((text) => text[0]).join(""), "aaaaab");
  assertEquals(notices.next(0), 60_000);
  assertEquals(tell(notices, 60_000), ["a 10.5.0.0/16 r"]);
});

Deno.test("however many Nodes there are, and whatever they make up, the API is not flooded", () => {
  const notices = new RefusalNotices();
  let told = 0;
  for (let second = 0; second < 600; second++) {
    notices.update(Array.from({ length: 300 }, (_, i) => refusal(`n${i}`, `${second}`)));
    told += tell(notices, second * 1000).length;
  }
  assertEquals(told, 25 + 599);
});
