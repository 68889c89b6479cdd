import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import { cidrContains, hostCidr, parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { type SpokeFacts, tunnelPrefixes } from "../../lib/contract/tunnel_prefixes.ts";
import * as arbitrary from "./arbitraries.ts";

const cidrs = (text: string) => text.split(" ").filter(Boolean).map((one) => parseCidr(one)!);

const FACTS: SpokeFacts = {
  addresses: ["100.96.0.2/32", "fd00::2/128"].map((text) => parseInterfaceAddress(text)!),
  outside: ["203.0.113.1", "10.5.0.1"] as IpAddress[],
  gateways: ["192.168.1.1", "fe80::1"] as IpAddress[],
  otherRoutes: cidrs("192.168.1.0/24 172.17.0.0/16"),
};

function hub(allowedIPs?: string): Claim {
  return {
    node: "hub-1",
    createdAt: 0,
    faults: [],
    ...(allowedIPs !== undefined && { allowedIPs: cidrs(allowedIPs) }),
  };
}

Deno.test("tunnelPrefixes() takes the user's own, else the hub's, else the script's default", () => {
  const annotated = hub("100.96.0.0/12 172.16.0.0/16");
  const own = cidrs("10.0.0.0/16");
  assertEquals(tunnelPrefixes(own, annotated, FACTS), { prefixes: own, refusals: [] });
  assertEquals(tunnelPrefixes(undefined, annotated, FACTS).prefixes, annotated.allowedIPs!);
  assertEquals(tunnelPrefixes(undefined, hub(""), FACTS).prefixes, []);
  assertEquals(tunnelPrefixes(undefined, hub(), FACTS).prefixes, cidrs("100.96.0.1/32"));
  const two = ["10.9.8.7/24", "10.9.8.6/24"].map((text) => parseInterfaceAddress(text)!);
  const facts = { ...FACTS, addresses: two };
  assertEquals(tunnelPrefixes(undefined, hub(), facts).prefixes, cidrs("10.9.8.1/32"), "once");
});

Deno.test("tunnelPrefixes() refuses of an annotation what this machine reaches otherwise", () => {
  const table: Record<string, string> = {
    "0.0.0.0/0": "covers 203.0.113.1, which must be reached outside the tunnel",
    "::/0": "asks for everything",
    "203.0.113.0/24": "covers 203.0.113.1, which must be reached outside the tunnel",
    "169.254.169.254/32": "overlaps 169.254.0.0/16",
    "192.168.0.0/16": "covers 192.168.1.1, this machine's gateway",
    "192.168.1.9/32": "overlaps 192.168.1.0/24, which this machine reaches by another interface",
    "172.16.0.0/12": "overlaps 172.17.0.0/16, which this machine reaches by another interface",
    "fe80::/10": "covers fe80::1, this machine's gateway",
  };
  for (const [cidr, reason] of Object.entries(table)) {
    assertEquals(tunnelPrefixes(undefined, hub(`${cidr} 100.96.0.0/12`), FACTS), {
      prefixes: cidrs("100.96.0.0/12"),
      refusals: [{ node: "hub-1", subject: "allowed-ips", value: `"${cidr}"`, reason }],
    });
  }
});

Deno.test("tunnelPrefixes() lets the user ask for everything but what carries the tunnel", () => {
  const asked = cidrs("192.168.0.0/16 169.254.0.0/16 ::/0 10.0.0.0/8");
  const { prefixes, refusals } = tunnelPrefixes(asked, hub(), FACTS);
  assertEquals(prefixes, cidrs("192.168.0.0/16 169.254.0.0/16 ::/0"));
  assertEquals(refusals.map(({ value }) => value), ['"10.0.0.0/8"']);
});

Deno.test("no prefix ever covers what must stay outside the tunnel", () => {
  const list = fc.array(fc.oneof(arbitrary.cidr, arbitrary.closeCidr));
  fc.assert(fc.property(list, list, fc.array(arbitrary.address), (own, annotated, outside) => {
    const facts = { ...FACTS, outside };
    for (const local of [own, undefined]) {
      const claim = { ...hub(), allowedIPs: annotated };
      const { prefixes, refusals } = tunnelPrefixes(local, claim, facts);
      const asked = new Set(local ?? annotated);
      assertEquals(prefixes.length + refusals.length, asked.size);
      for (const cidr of prefixes) {
        assert(asked.has(cidr));
        assertEquals(outside.filter((address) => cidrContains(cidr, hostCidr(address))), []);
      }
    }
  }));
});
