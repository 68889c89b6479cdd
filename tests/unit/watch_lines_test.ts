import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import { parseNodeEvent } from "../../lib/kubernetes/node_event.ts";
import { splitLines } from "../../lib/kubernetes/split_lines.ts";

async function* chunked(bytes: Uint8Array<ArrayBuffer>, borders: readonly number[]) {
  const cuts = [...borders.map((n) => n % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  for (const to of cuts) {
    yield bytes.slice(from, to);
    from = to;
  }
  await Promise.resolve();
}

Deno.test("lines come out whole, wherever the chunks are cut", async () => {
  const line = fc.string({ unit: "grapheme", minLength: 1 })
    .map((text) => text.replaceAll("\n", "")).filter((text) => text !== "");
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), line, async (lines, borders, rest) => {
      const text = lines.map((each) => `${each}\n`).join("") + rest;
      const split = splitLines(chunked(new TextEncoder().encode(text), borders));
      assertEquals(await Array.fromAsync(split), lines);
    }),
  );
});

Deno.test("empty lines are left out", async () => {
  const bytes = new TextEncoder().encode("\n\na\n\nb\n");
  assertEquals(await Array.fromAsync(splitLines(chunked(bytes, []))), ["a", "b"]);
});

Deno.test("a line without end is not kept for ever", async () => {
  async function* endless() {
    for (;;) yield await Promise.resolve(new Uint8Array(1 << 20).fill(0x61));
  }
  await assertRejects(() => Array.fromAsync(splitLines(endless())), RangeError, "longer than");
});

const NODE = { metadata: { name: "a", resourceVersion: "7" } };
const VIEW = { name: "a", uid: "", createdAt: 0, labels: {}, annotations: {} };
const EVENTS: readonly [string, unknown, unknown][] = [
  ["ADDED", { type: "ADDED", object: NODE }, { type: "put", node: VIEW, resourceVersion: "7" }],
  ["MODIFIED", { type: "MODIFIED", object: NODE }, {
    type: "put",
    node: VIEW,
    resourceVersion: "7",
  }],
  ["DELETED", { type: "DELETED", object: NODE }, { type: "gone", name: "a", resourceVersion: "7" }],
  ["BOOKMARK", { type: "BOOKMARK", object: NODE }, { type: "bookmark", resourceVersion: "7" }],
  ["no Node", { type: "ADDED", object: { metadata: null } }, {
    type: "bookmark",
    resourceVersion: "",
  }],
  ["nothing", null, { type: "bookmark", resourceVersion: "" }],
];

for (const [what, line, expected] of EVENTS) {
  Deno.test(`a watch's line of ${what} is understood`, () => {
    assertEquals<unknown>(parseNodeEvent("WATCH", JSON.stringify(line)), expected);
  });
}

Deno.test("a watch's error keeps its code, and its message stays on one line", () => {
  const object = { kind: "Status", code: 410, reason: "Expired", message: "too old\nversion" };
  const line = JSON.stringify({ type: "ERROR", object });
  const error = assertThrows(() => parseNodeEvent("WATCH /nodes", line), ApiError);
  assertEquals([error.status, error.reason, error.message], [
    410,
    "Expired",
    "WATCH /nodes: 410 too old version",
  ]);
  const strange = JSON.stringify({ type: "ERROR", object: 5 });
  assertEquals(assertThrows(() => parseNodeEvent("WATCH", strange), ApiError).status, 500);
});

Deno.test("any JSON is an event or an ApiError", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (json) => {
    try {
      parseNodeEvent("WATCH", JSON.stringify(json));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }));
});
