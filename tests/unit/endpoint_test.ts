import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Endpoint, isResolved, parseEndpoint, printEndpoint } from "../../lib/ip/endpoint.ts";
import * as arbitrary from "./arbitraries.ts";

Deno.test("parseEndpoint() reads addresses and names with their ports", () => {
  const table: Record<string, Endpoint> = {
    "192.0.2.1:51820": { host: "192.0.2.1", port: 51820 },
    "192.0.2.1:1": { host: "192.0.2.1", port: 1 },
    "192.0.2.1:65535": { host: "192.0.2.1", port: 65535 },
    "192.0.2.1:00080": { host: "192.0.2.1", port: 80 },
    "[2001:DB8::1]:51820": { host: "2001:db8::1", port: 51820 },
    "[::ffff:192.0.2.1]:51820": { host: "192.0.2.1", port: 51820 },
    "Hub.Example.com:51820": { host: "hub.example.com", port: 51820 },
    "hub.example.com.:51820": { host: "hub.example.com.", port: 51820 },
    "hub:51820": { host: "hub", port: 51820 },
    "1.example:51820": { host: "1.example", port: 51820 },
    "xn--bcher-kva.example:51820": { host: "xn--bcher-kva.example", port: 51820 },
  };
  for (const [text, endpoint] of Object.entries(table)) {
    assertEquals(parseEndpoint(text), endpoint, text);
  }
});

Deno.test("parseEndpoint() refuses what is none, or is an address to some readers only", () => {
  const label64 = "a".repeat(64);
  const refused = [
    ...["", ":", ":51820", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "hub"],
    ...["192.0.2.1:123456", "192.0.2.1:-1", "192.0.2.1:1e3", "192.0.2.1: 80", "192.0.2.1:80 "],
    ...[" 192.0.2.1:80", "192.0.2.1:80\n", "1.2.3:80", "1234:80", "1.2.3.4.5:80", "010.0.0.1:80"],
    ...["256.1.1.1:80", "0x7f.1:80", "127.0x1:80", "0x7f000001:80", "1.2.3.4.:80"],
    ...[
      "2001:db8::1:51820",
      "[192.0.2.1]:80",
      "[hub]:80",
      "[fe80::1%eth0]:80",
      "[::1:80",
      "::1]:80",
    ],
    ...["[]:80", "[:]:80", "-a.example:80", "a-.example:80", "a..b:80", ".:80", ".a:80", "a_b:80"],
    ...[`${label64}.example:80`, `${"a.".repeat(130)}a:80`, "hüb.example:80", "a b:80", "a\nb:80"],
    ...["user@hub:80", "hub/x:80", "hub:80:90", "http://hub:80"],
  ];
  for (const text of refused) assertEquals(parseEndpoint(text), undefined, JSON.stringify(text));
});

Deno.test("parsing what was printed gives the same endpoint", () => {
  fc.assert(fc.property(arbitrary.endpoint, (endpoint) => {
    assertEquals(parseEndpoint(printEndpoint(endpoint)), endpoint);
  }));
});

Deno.test("parseEndpoint() never throws, and what it gives it takes again", () => {
  fc.assert(fc.property(arbitrary.strangersText, (text) => {
    const endpoint = parseEndpoint(text);
    if (endpoint) assertEquals(parseEndpoint(printEndpoint(endpoint)), endpoint);
  }));
});

Deno.test("isResolved() tells addresses from names", () => {
  fc.assert(fc.property(arbitrary.resolvedEndpoint, (endpoint) => isResolved(endpoint)));
  for (const text of ["hub:1", "hub.example.com:1", "1.example.com.:1", "a1:1", "4.a-1:1"]) {
    assertEquals(isResolved(parseEndpoint(text)!), false, text);
  }
});
