import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { isIP } from "node:net";
import {
  addressBytes,
  addressFromBytes,
  addressWords,
  familyOf,
  type IpAddress,
  parseAddress,
  unmapAddress,
} from "../../lib/ip/address.ts";
import * as arbitrary from "./arbitraries.ts";

Deno.test("parseAddress() gives one canonical text for every way of writing an address", () => {
  const table: Record<string, string> = {
    "0.0.0.0": "0.0.0.0",
    "255.255.255.255": "255.255.255.255",
    "192.0.2.1": "192.0.2.1",
    "::": "::",
    "::1": "::1",
    "1::": "1::",
    "2001:DB8::A": "2001:db8::a",
    "2001:0db8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1", // RFC 5952: one group is not shortened
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1", // the longest run is
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1", // of two equal ones, the first
    "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
    "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
    "::192.0.2.1": "::c000:201", // deprecated, and not a mapped address
    "::ffff:192.0.2.1": "::ffff:c000:201",
    "::FFFF:c000:0201": "::ffff:c000:201",
  };
  for (const [text, canonical] of Object.entries(table)) {
    assertEquals(parseAddress(text), canonical as IpAddress, text);
  }
});

Deno.test("parseAddress() refuses what some reader understands otherwise, or is no address", () => {
  const refused = [
    ...["", " ", "1", "1.2", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4"],
    ...["010.0.0.1", "1.2.3.04", "0x0a.0.0.1", "1.2.3.4\n", "1.2.3.4\0", "1.2.3.4/32", "1..2.3"],
    ...[":", ":::", "1", "1:2", "::1::", "1:::2", "12345::", "g::", "1:2:3:4:5:6:7:8:9", "::1 "],
    ...["1::2:3:4:5:6:7:8", "fe80::1%eth0", "::1%", "[::1]", "::1\n", "::ffff:1.2.3", "1.2.3.4::"],
    ...["::ffff:010.0.0.1", "::ffff:0x1.2.3.4", "::ffff:1.2.3.256", "1:2:3:4:5:6:7:1.2.3.4"],
    ...["::1.2.3.4:5", "١.٢.٣.٤", "1.2.3.4".padEnd(100, "0"), "0".repeat(1000) + "::1"],
  ];
  for (const text of refused) assertEquals(parseAddress(text), undefined, JSON.stringify(text));
});

Deno.test("parseAddress() accepts exactly what node:net accepts, but for zones", () => {
  fc.assert(fc.property(arbitrary.strangersText, (text) => {
    assertEquals(parseAddress(text) !== undefined, isIP(text) !== 0 && !text.includes("%"));
  }));
});

Deno.test("parsing and printing an address agree with the URL standard's reader", () => {
  fc.assert(fc.property(arbitrary.address, (address) => {
    assertEquals(parseAddress(address), address);
    if (familyOf(address) === 4) return;
    assertEquals(new URL(`http://[${address}]`).hostname, `[${address}]`);
    const long = addressWords(address).map((word) => word.toString(16).padStart(4, "0")).join(":");
    assertEquals(parseAddress(long.toUpperCase()), address);
  }));
});

Deno.test("an address survives its bytes", () => {
  fc.assert(fc.property(arbitrary.address, (address) => {
    const bytes = addressBytes(address);
    assertEquals(bytes.length, familyOf(address) === 4 ? 4 : 16);
    assertEquals(addressFromBytes(bytes), address);
  }));
  const bytes = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34];
  assertEquals([...addressBytes("2001:db8::1234" as IpAddress)], bytes);
  assertEquals([...addressBytes("192.0.2.1" as IpAddress)], [192, 0, 2, 1]);
});

Deno.test("addressFromBytes() refuses any other number of bytes", () => {
  for (const length of [0, 3, 5, 15, 17]) {
    assertThrows(() => addressFromBytes(new Uint8Array(length)), RangeError, `${length}`);
  }
});

Deno.test("unmapAddress() changes mapped addresses alone", () => {
  assertEquals(unmapAddress("::ffff:c000:201" as IpAddress), "192.0.2.1" as IpAddress);
  for (const text of ["192.0.2.1", "::c000:201", "64:ff9b::c000:201", "::fffe:c000:201", "::1"]) {
    assertEquals(unmapAddress(text as IpAddress), text as IpAddress);
  }
  fc.assert(fc.property(fc.ipV4(), (text) => {
    const mapped = parseAddress(`::ffff:${text}`);
    assertEquals(mapped && unmapAddress(mapped), text as IpAddress);
  }));
});
