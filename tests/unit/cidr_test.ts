import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressBytes, type IpAddress } from "../../lib/ip/address.ts";
import {
  bitsOf,
  type Cidr,
  cidrBounds,
  cidrContains,
  cidrParts,
  cidrsOverlap,
  hostCidr,
  networkOf,
  parseCidr,
  parseInterfaceAddress,
} from "../../lib/ip/cidr.ts";
import * as arbitrary from "./arbitraries.ts";

Deno.test("parseCidr() masks host bits, and takes a bare address for itself alone", () => {
  const table: Record<string, string> = {
    "10.0.0.0/8": "10.0.0.0/8",
    "10.1.2.3/8": "10.0.0.0/8",
    "172.31.255.255/12": "172.16.0.0/12",
    "192.0.2.1": "192.0.2.1/32",
    "192.0.2.1/32": "192.0.2.1/32",
    "255.255.255.255/31": "255.255.255.254/31",
    "1.2.3.4/0": "0.0.0.0/0",
    "::1/0": "::/0",
    "2001:DB8:FFFF::/33": "2001:db8:8000::/33",
    "fd00::1": "fd00::1/128",
    "fd00::ff/121": "fd00::80/121",
    "::ffff:192.0.2.1/120": "::ffff:c000:200/120",
  };
  for (const [text, canonical] of Object.entries(table)) {
    assertEquals(parseCidr(text), canonical as Cidr, text);
  }
});

Deno.test("parseCidr() refuses what is no network", () => {
  const refused = [
    ...["", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0.0/08", "10.0.0.0/-1"],
    ...["10.0.0.0/8/8", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0 /8", "10.0.0.0/ 8", "10.0.0.0/8\n"],
    ...[
      "10.0.0.0/255.0.0.0",
      "10.0.0/24",
      "10/8",
      "012.0.0.0/8",
      "fe80::1%eth0/64",
      "10.0.0.0/8.0",
    ],
    ...["10.0.0.0/1e1", "10.0.0.0/+8", "10.0.0.0/0x8", "10.0.0.0/٨", "[fd00::]/8"],
  ];
  for (const text of refused) assertEquals(parseCidr(text), undefined, JSON.stringify(text));
});

Deno.test("parseInterfaceAddress() keeps host bits", () => {
  const address = "100.96.0.2" as IpAddress;
  assertEquals(parseInterfaceAddress("100.96.0.2/12"), { address, prefixLength: 12 });
  assertEquals(parseInterfaceAddress("100.96.0.2"), { address, prefixLength: 32 });
});

Deno.test("parsing what was printed gives the same interface address and network", () => {
  fc.assert(fc.property(arbitrary.interfaceAddress, arbitrary.cidr, (address, cidr) => {
    assertEquals(parseInterfaceAddress(`${address.address}/${address.prefixLength}`), address);
    assertEquals(parseCidr(cidr), cidr);
    assertEquals(networkOf(cidrParts(cidr)), cidr);
  }));
});

Deno.test("parseCidr() never throws, and what it gives it takes again", () => {
  fc.assert(fc.property(arbitrary.strangersText, (text) => {
    const cidr = parseCidr(text);
    if (cidr !== undefined) assertEquals(parseCidr(cidr), cidr);
  }));
});

Deno.test("cidrContains() holds exactly if the leading bits are the same", () => {
  const close = fc.oneof(arbitrary.cidr, arbitrary.closeCidr);
  fc.assert(fc.property(close, close, (outer, inner) => {
    const a = cidrParts(outer);
    const b = cidrParts(inner);
    const bits = (cidr: Cidr) =>
      [...addressBytes(cidrParts(cidr).address)].map((byte) => byte.toString(2).padStart(8, "0"))
        .join("");
    const expected = a.family === b.family && a.prefixLength <= b.prefixLength &&
      bits(outer).slice(0, a.prefixLength) === bits(inner).slice(0, a.prefixLength);
    assertEquals(cidrContains(outer, inner), expected);
    assertEquals(cidrsOverlap(outer, inner), expected || cidrContains(inner, outer));
    assertEquals(cidrsOverlap(inner, outer), cidrsOverlap(outer, inner));
  }));
});

Deno.test("cidrContains() by example", () => {
  const yes = [["0.0.0.0/0", "10.0.0.0/8"], ["10.0.0.0/8", "10.0.0.0/8"], ["::/0", "fd00::1/128"]];
  const no = [["10.0.0.0/9", "10.0.0.0/8"], ["10.0.0.0/9", "10.128.0.0/9"], ["::/0", "1.2.3.4/32"]];
  for (const [outer, inner] of yes) assert(cidrContains(outer as Cidr, inner as Cidr), outer);
  for (const [outer, inner] of no) assert(!cidrContains(outer as Cidr, inner as Cidr), outer);
});

Deno.test("cidrBounds() are the network's first and last address, in order", () => {
  const codes = (text: string) => [...text].map((char) => char.charCodeAt(0));
  const { first, last } = cidrBounds("10.1.128.0/17" as Cidr);
  assertEquals([codes(first), codes(last)], [[0x0a01, 0x8000], [0x0a01, 0xffff]]);
  const all = cidrBounds("::/0" as Cidr);
  assertEquals([codes(all.first), codes(all.last)], [Array(8).fill(0), Array(8).fill(0xffff)]);
  fc.assert(fc.property(arbitrary.address, (address) => {
    const host = cidrBounds(hostCidr(address));
    assertEquals(host.first, host.last);
    assertEquals(16 * host.first.length, bitsOf(cidrParts(hostCidr(address)).family));
  }));
});
