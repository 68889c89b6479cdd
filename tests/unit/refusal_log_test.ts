import { assert, assertEquals } from "@std/assert";
import type { Notice } from "../../lib/contract/refusal.ts";
import { RefusalLog } from "../../lib/reconcile/refusal_log.ts";

const refusal = (node: string, value = "10.0.0.0/8", reason = "r"): Notice => ({
  node,
  subject: "allowed-ips",
  value,
  code: "held",
  reason,
});

function bench() {
  const state = { now: 0, lines: [] as string[] };
  const say = (text: string, fields: Readonly<Record<string, unknown>>) => {
    state.lines.push(`${text}: ${Object.values(fields).join(" ")}`);
  };
  const log = new RefusalLog(say, say, () => state.now);
  /** What is said when these hold so many ms after the last time. */
  const hold = (ms: number, ...notices: readonly Notice[]) => {
    state.now += ms;
    log.update(notices);
    return state.lines.splice(0);
  };
  return { hold };
}

const REFUSED = "refused what a node asks for: ";
const OVER = "a refusal is over: ";

Deno.test("a refusal is logged when it begins, changes and ends", () => {
  const { hold } = bench();
  assertEquals(hold(0, refusal("a"), refusal("b")), [
    `${REFUSED}a allowed-ips 10.0.0.0/8 r`,
    `${REFUSED}b allowed-ips 10.0.0.0/8 r`,
  ]);
  assertEquals(hold(1, refusal("b"), refusal("a")), []);
  assertEquals(hold(1, refusal("a"), refusal("b", undefined, "other")), [
    `${REFUSED}b allowed-ips 10.0.0.0/8 other`,
  ]);
  assertEquals(hold(1, refusal("a")), [`${OVER}b allowed-ips 10.0.0.0/8`]);
});

Deno.test("what a Node asks for twice is logged once, also where the reasons differ", () => {
  const { hold } = bench();
  const twice = [refusal("a"), refusal("a"), refusal("a", undefined, "other")];
  assertEquals(hold(0, ...twice), [`${REFUSED}a allowed-ips 10.0.0.0/8 r`]);
  for (let turn = 0; turn < 100; turn++) assertEquals(hold(60_000, ...twice), []);
  assertEquals(hold(1), [`${OVER}a allowed-ips 10.0.0.0/8`]);
});

Deno.test("what is masked is logged in words of its own", () => {
  const { hold } = bench();
  const lines = hold(0, { ...refusal("a", "10.0.0.1/8"), code: "host-bits", reason: "has bits" });
  assertEquals(lines, [
    "what a node asks for is read otherwise than it is written: a allowed-ips 10.0.0.1/8 has bits",
  ]);
});

Deno.test("a Node with very many refusals has a few lines and a sum; the rest follow if they last", () => {
  const { hold } = bench();
  const many = Array.from({ length: 30 }, (_, i) => refusal("a", `10.${i}.0.0/16`));
  const first = hold(0, ...many, refusal("b"));
  assertEquals(first.length, 20 + 1 + 1);
  assertEquals(first.at(-2), `${REFUSED}b allowed-ips 10.0.0.0/8 r`);
  assertEquals(first.at(-1), "more is refused of a node than is logged: a 10");
  assertEquals(hold(1, ...many, refusal("b")), []);
  assertEquals(hold(60_000, ...many, refusal("b")), [`${REFUSED}a allowed-ips 10.20.0.0/16 r`]);
  const over = hold(1, refusal("b"));
  assertEquals([over.length, new Set(over).size], [21, 21], "what was not said is not over");
});

Deno.test("a Node that flaps does not flood the log, nor do many", () => {
  const { hold } = bench();
  let lines = 0;
  for (let second = 0; second < 3600; second++) {
    lines += hold(1000, ...second % 2 ? [] : [refusal("a")]).length;
  }
  assert(lines > 100 && lines < 2 * (20 + 60) + 7, `${lines} lines in an hour`);
  const all = bench();
  lines = 0;
  for (let second = 0; second < 600; second++) {
    const notices = Array.from({ length: 300 }, (_, i) => refusal(`n${i}`, `${second}`));
    lines += all.hold(1000, ...notices).length;
  }
  assert(lines < 2 * (200 + 600) + 300, `${lines} lines in ten minutes`);
});
