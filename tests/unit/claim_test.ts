import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { claimOf, MAX_PREFIXES, quoted, withInternalIPs } from "../../lib/contract/claim.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { parsePublicKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import * as arbitrary from "./arbitraries.ts";

const keys = annotationKeys("wireguard.kube/");
const KEY = arbitrary.keyOf(1);

function node(annotations: Readonly<Record<string, string>>): NodeView {
  return { name: "edge-7", uid: "u", createdAt: 5, labels: {}, annotations };
}

function claim(publicKey?: string, endpoint?: string, allowedIPs?: string) {
  return claimOf(
    node({
      ...(publicKey !== undefined && { [keys.publicKey]: publicKey }),
      ...(endpoint !== undefined && { [keys.endpoint]: endpoint }),
      ...(allowedIPs !== undefined && { [keys.allowedIPs]: allowedIPs }),
    }),
    keys,
  );
}

const allowedIPs = (text: string) => claim(undefined, undefined, text);

Deno.test("claimOf() reads all three annotations", () => {
  assertEquals(claim(KEY, "192.0.2.1:51820", "100.96.0.2/32, fd00::/64"), {
    node: "edge-7",
    createdAt: 5,
    publicKey: KEY,
    endpoint: { host: "192.0.2.1", port: 51820 },
    allowedIPs: ["100.96.0.2/32", "fd00::/64"] as Cidr[],
    faults: [],
  });
  assertEquals(claim(), { node: "edge-7", createdAt: 5, faults: [] });
});

Deno.test("claimOf() reads blanks, host bits, bare addresses and repetitions in allowed-ips", () => {
  const table: Record<string, string[]> = {
    "": [],
    " , ,": [],
    "10.1.2.3/8": ["10.0.0.0/8"],
    "10.0.0.1": ["10.0.0.1/32"],
    "\t10.0.0.1/32 ,\n10.0.0.2/32 ": ["10.0.0.1/32", "10.0.0.2/32"],
    "10.0.0.0/8,10.1.0.0/8": ["10.0.0.0/8"],
  };
  for (const [text, cidrs] of Object.entries(table)) {
    assertEquals(allowedIPs(text).allowedIPs, cidrs as Cidr[], JSON.stringify(text));
    assertEquals(allowedIPs(text).faults, []);
  }
});

Deno.test("claimOf() says which networks are written with host bits, until it is mended", () => {
  const { remarks } = allowedIPs(
    "10.1.2.3/8, 10.0.0.0/8,10.0.0.1/32,10.0.0.1,fd00::1/64,fd00::/64",
  );
  assertEquals(
    remarks?.map(({ node, subject, value, code, reason }) => [node, subject, value, code, reason]),
    [
      ...[[
        "edge-7",
        "allowed-ips",
        '"10.1.2.3/8"',
        "host-bits",
        "has host bits set and counts as 10.0.0.0/8",
      ]],
      [
        "edge-7",
        "allowed-ips",
        '"fd00::1/64"',
        "host-bits",
        "has host bits set and counts as fd00::/64",
      ],
    ],
  );
  assertEquals(allowedIPs("10.0.0.0/8,fd00::/64").remarks, undefined);
  assert(allowedIPs("10.0.0.1/8,".repeat(1000)).remarks!.length <= MAX_PREFIXES);
});

Deno.test("claimOf() refuses malformed networks one by one, and lets the rest stand", () => {
  const { allowedIPs: cidrs, faults } = allowedIPs("10.0.0.1/32,10.0.0/24,fd00::/129,fd00::/64,x");
  assertEquals(cidrs, ["10.0.0.1/32", "fd00::/64"] as Cidr[]);
  assertEquals(faults.map((fault) => fault.value), ['"10.0.0/24"', '"fd00::/129"', '"x"']);
});

Deno.test("claimOf() takes no more than 64 networks of a Node, and says so once", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `10.0.0.${i}`).join();
  assertEquals(allowedIPs(many(MAX_PREFIXES)).faults, []);
  const { allowedIPs: cidrs, faults } = allowedIPs(many(MAX_PREFIXES + 9));
  assertEquals([cidrs?.length, faults.map(({ code }) => code)], [MAX_PREFIXES, ["too-many"]]);
  const hidden = allowedIPs(`${",".repeat(4 * MAX_PREFIXES)}10.0.0.1/32`);
  assertEquals([hidden.allowedIPs, hidden.faults.map(({ code }) => code)], [[], ["too-many"]]);
  assertEquals(allowedIPs(`${",".repeat(4 * MAX_PREFIXES - 1)}10.0.0.1`).faults, []);
});

Deno.test("claimOf() takes a key in strict form alone", () => {
  for (const text of [KEY, ` ${KEY}\n`]) assertEquals(claim(text).publicKey, KEY);
  const padded = `${KEY}${" ".repeat(20)}`;
  for (const text of [ZERO_KEY, "x", ` `, KEY.slice(1), `${KEY}x`, `${padded}PostUp = reboot`]) {
    const { publicKey, faults } = claim(text);
    assertEquals([publicKey, faults.length], [undefined, 1], JSON.stringify(text));
  }
  assertEquals(claim("").faults, []);
});

Deno.test("claimOf() shows what it refuses in quotes, on one line, shortened", () => {
  const nasty = "a\nPostUp = reboot\r\t\0\u001b[31m\u2028\u202e\"'\\é\ud800";
  for (const { faults } of [claim(nasty), claim("", nasty), claim("", "", nasty)]) {
    assertEquals(faults.length, 1);
    assertEquals(
      faults[0]?.value,
      '"a\\nPostUp = reboot\\r\\t\\u0000\\u001b[31m\\u2028\\u202e\\"\'\\\\\\u00e9\\ud800"',
    );
  }
  assert(claim("x".repeat(100_000)).faults[0]!.value.length < 80);
});

Deno.test("quoted() gives printable ASCII that JSON reads back, bounded in length", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 64 }), (text) => {
    const shown = quoted(text);
    assert(/^[\x20-\x7e]*$/.test(shown), shown);
    const short = text.slice(0, 64);
    assertEquals(JSON.parse(text.length > 64 ? shown.slice(0, -1) : shown), short);
  }));
  assertEquals(quoted("x".repeat(65)), `"${"x".repeat(64)}"…`);
});

Deno.test("claimOf() never throws, and gives parsed values or escaped faults, whatever is written", () => {
  const text = fc.option(
    fc.oneof(arbitrary.strangersText, fc.string({ unit: "binary", maxLength: 5000 })),
    { nil: undefined },
  );
  fc.assert(fc.property(text, text, text, (publicKey, endpoint, allowedIPs) => {
    const read = claim(publicKey, endpoint, allowedIPs);
    if (read.publicKey !== undefined) assertEquals(parsePublicKey(read.publicKey), read.publicKey);
    assert((read.allowedIPs?.length ?? 0) <= MAX_PREFIXES);
    for (const { value } of read.faults) assert(/^"[\x20-\x7e]*"…?$/.test(value), value);
  }));
});

Deno.test("claimOf() bounds its work on very long text", () => {
  const long = "10.0.0.1,".repeat(30_000);
  assertEquals(allowedIPs(long).allowedIPs, ["10.0.0.1/32"] as Cidr[]);
  assert(allowedIPs("x,".repeat(130_000)).faults.length <= MAX_PREFIXES + 1);
});

Deno.test("withInternalIPs() claims the Node's own addresses where it names none", () => {
  const status = {
    internalIPs: ["192.168.7.1", "fd00::7"] as IpAddress[],
    externalIPs: [],
    ready: true,
  };
  const silent = claim(KEY);
  assertEquals(
    withInternalIPs(silent, { ...node({}), status }).allowedIPs,
    ["192.168.7.1/32", "fd00::7/128"] as Cidr[],
  );
  assertEquals(withInternalIPs(silent, node({})), silent, "not known yet");
  assertEquals(withInternalIPs(silent, undefined), silent, "not known yet");
  const homeless = { ...node({}), status: { ...status, internalIPs: [] } };
  assertEquals(withInternalIPs(silent, homeless), silent, "it has none at the moment");
  const none = claim(KEY, undefined, "");
  assertEquals(withInternalIPs(none, { ...node({}), status }), none, "said: none");
  const internalIPs = Array.from({ length: 99 }, (_, i) => `10.0.0.${i}` as IpAddress);
  const many = withInternalIPs(silent, { ...node({}), status: { ...status, internalIPs } });
  assertEquals(many.allowedIPs?.length, MAX_PREFIXES);
});
