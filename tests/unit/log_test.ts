import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LogRecord } from "@logtape/logtape";
import fc from "fast-check";
import { configureLog, logOf } from "../../lib/log.ts";
import { printLogLine } from "../../lib/log_line.ts";
import { OnceLog } from "../../lib/once_log.ts";
import { privateKeyFromBytes } from "../../lib/wireguard/key.ts";

const NOON = Date.UTC(2026, 10, 24, 22, 45, 14, 123);

function record(
  message: string,
  properties: Record<string, unknown> = {},
  level: LogRecord["level"] = "info",
): LogRecord {
  return {
    category: ["wg-kube", "hub"],
    level,
    message: [message],
    rawMessage: message,
    timestamp: NOON,
    properties,
  };
}

const fields: [name: string, value: unknown, text: string, json: string][] = [
  ["a word", "edge-7", "edge-7", "edge-7"],
  ["an IPv6 network", "fd00::1/128", "fd00::1/128", "fd00::1/128"],
  ["blanks", "a b=c", '"a b=c"', "a b=c"],
  ["nothing", "", '""', ""],
  ["an equals sign", "a=", "a=", "a="],
  ["a quote", 'a"b', '"a\\"b"', 'a"b'],
  ["a number", 7, "7", "7"],
  ["a bigint", 7n, "7", "7"],
  ["a list", ["a", "b"], "a,b", "a,b"],
  ["an object", { a: 1n }, '"{\\"a\\":\\"1\\"}"', '{"a":"1"}'],
  ["null", null, "null", "null"],
  ["a map", new Map([["a", 1]]), '"[[\\"a\\",1]]"', '[["a",1]]'],
  [
    "bytes",
    { key: new Uint8Array([1, 2]) },
    '"{\\"key\\":\\"(2 bytes)\\"}"',
    '{"key":"(2 bytes)"}',
  ],
  ["an error", new Error("no", { cause: new Error("why") }), '"no: why"', "no: why"],
];

for (const [name, value, text, json] of fields) {
  Deno.test(`printLogLine() prints ${name}`, () => {
    assertEquals(
      printLogLine(record("said", { value }), "text"),
      `[2026-11-24T22:45:14Z] said  value=${text}\n`,
    );
    assertEquals(JSON.parse(printLogLine(record("said", { value }), "json")), {
      value: json,
      time: "2026-11-24T22:45:14.123Z",
      level: "info",
      logger: "wg-kube.hub",
      message: "said",
    });
  });
}

Deno.test("printLogLine() names the level of lines other than info, and leaves out undefined", () => {
  assertEquals(
    printLogLine(record("said", { node: undefined }, "warning"), "text"),
    "[2026-11-24T22:45:14Z] warning: said\n",
  );
});

Deno.test("printLogLine() never lets a field take the place of the line's own", () => {
  const line = printLogLine(record("said", { message: "forged", level: "fatal" }), "json");
  const { message, level } = JSON.parse(line);
  assertEquals([message, level], ["said", "info"]);
});

Deno.test("printLogLine() shows where an error was thrown, on the same line", () => {
  const error = new Error("out of\nlines", { cause: new TypeError("deeper") });
  const line = printLogLine(record("failed", { error }, "error"), "text");
  assertMatch(line, /^\[.*\] error: failed {2}error="out of\\nlines: deeper" stack="at .*\n$/);
  assertMatch(line, /log_test\.ts.* caused by at /);
});

Deno.test("printLogLine() cuts what a stranger makes long", () => {
  const line = printLogLine(record("said", { value: "x".repeat(256 * 1024) }), "text");
  assert(line.length < 600);
  assert(line.includes("(262144 characters)"));
});

Deno.test("printLogLine() prints one line of visible characters, whatever others said", () => {
  const anything = fc.anything({
    withBigInt: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    stringUnit: "binary",
  });
  fc.assert(fc.property(
    fc.string({ unit: "binary" }),
    fc.dictionary(fc.string({ unit: "binary" }), anything),
    fc.constantFrom("text", "json"),
    (message, properties, format) => {
      const line = printLogLine(record(message, properties), format);
      assert(line.endsWith("\n"));
      assert(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line.slice(0, -1)), line);
      if (format === "json") assertEquals(JSON.parse(line).time, "2026-11-24T22:45:14.123Z");
    },
  ));
});

Deno.test("No private key shows in a log line, wherever it lies", async () => {
  const bytes = new Uint8Array(32).map((_, index) => 0x40 + index);
  const key = await privateKeyFromBytes(bytes);
  const secret = key.bytes().toBase64();
  const places = {
    plain: key,
    inside: { device: { privateKey: key } },
    list: [key],
    map: new Map([["key", key]]),
    bytes: key.bytes(),
    deepBytes: [{ key: key.bytes() }],
  };
  for (const format of ["text", "json"] as const) {
    const templated = { ...record(""), message: ["key ", key, ", bytes ", key.bytes(), ""] };
    for (const line of [record("said", places), templated].map((r) => printLogLine(r, format))) {
      assert(!line.includes(secret), line);
      assert(!line.includes([...key.bytes()].slice(0, 8).join(",")), line);
      assert(line.includes("(private key)"), line);
    }
  }
});

Deno.test("configureLog() sends all loggers of the project to one place, from a level on", () => {
  const lines: string[] = [];
  configureLog({ format: "text", level: "info" }, (line) => lines.push(line));
  logOf("reconcile").debug("unheard");
  logOf("reconcile").info("peer added", { node: "edge-7" });
  logOf("kubernetes", "watch").warning("list failed", { status: 410 });
  assertEquals(lines.map((line) => line.replace(/^\[[^\]]*\] /, "")), [
    "peer added  node=edge-7\n",
    "warning: list failed  status=410\n",
  ]);
});

Deno.test("configureLog() may be called again", () => {
  const first: string[] = [];
  const second: string[] = [];
  configureLog({ format: "text", level: "info" }, (line) => first.push(line));
  configureLog({ format: "json", level: "debug" }, (line) => second.push(line));
  logOf("hub").debug("heard");
  assertEquals(first, []);
  assertEquals(second.map((line) => JSON.parse(line).message), ["heard"]);
});

Deno.test("OnceLog says a trouble when it begins, changes and ends, and not in between", () => {
  const lines: string[] = [];
  const take = (mark: string) => (text: string, fields: Readonly<Record<string, unknown>>) =>
    void lines.push(`${mark}${text} ${JSON.stringify(fields)}`);
  const once = new OnceLog(take("-"), take("+"));
  assertEquals(once.clear("api", "answers again"), false);
  assertEquals(once.say("api", "silent", { server: "a" }), true);
  assertEquals(once.say("api", "silent", { server: "a" }), false);
  assertEquals(once.say("hub", "none"), true);
  assertEquals(once.say("api", "silent", { server: "b" }), true);
  assertEquals(once.keys(), ["api", "hub"]);
  assertEquals(once.clear("api", "answers again", { server: "b" }), true);
  assertEquals(once.clear("hub"), true);
  assertEquals(once.say("api", "silent", { server: "b" }), true);
  assertEquals(lines, [
    '-silent {"server":"a"}',
    "-none {}",
    '-silent {"server":"b"}',
    '+answers again {"server":"b"}',
    '-silent {"server":"b"}',
  ]);
});
