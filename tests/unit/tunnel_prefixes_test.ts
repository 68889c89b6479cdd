import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import { cidrContains, hostCidr, parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { type SpokeFacts, tunnelPrefixes } from "../../lib/contract/tunnel_prefixes.ts";
import type { RefusalCode } from "../../lib/contract/refusal.ts";
import * as arbitrary from "./arbitraries.ts";

const cidrs = (text: string) => text.split(" ").filter(Boolean).map((one) => parseCidr(one)!);

const FACTS: SpokeFacts = {
  addresses: ["100.96.0.2/32", "fd00::2/128"].map((text) => parseInterfaceAddress(text)!),
  gateways: ["192.168.1.1", "fe80::1"] as IpAddress[],
  otherRoutes: cidrs("192.168.1.0/24 172.17.0.0/16"),
  resolvers: ["9.9.9.9", "2620:fe::9"] as IpAddress[],
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
  const table: Record<string, [RefusalCode, string]> = {
    "0.0.0.0/0": ["special-purpose", "asks for everything"],
    "::/0": ["special-purpose", "asks for everything"],
    "0.0.0.0/1": ["neighbour", "covers 9.9.9.9, this machine's name server"],
    "2620:fe::/48": ["neighbour", "covers 2620:fe::9, this machine's name server"],
    "169.254.169.254/32": ["special-purpose", "overlaps 169.254.0.0/16"],
    "192.168.0.0/16": ["neighbour", "covers 192.168.1.1, this machine's gateway"],
    "192.168.1.9/32": [
      "route",
      "lies in 192.168.1.0/24, which this machine reaches by another interface",
    ],
    "172.17.0.0/16": [
      "route",
      "lies in 172.17.0.0/16, which this machine reaches by another interface",
    ],
    "fe80::/10": ["special-purpose", "overlaps fe80::/10"],
  };
  for (const [cidr, [code, reason]] of Object.entries(table)) {
    assertEquals(tunnelPrefixes(undefined, hub(`${cidr} 100.96.0.0/12`), FACTS), {
      prefixes: cidrs("100.96.0.0/12"),
      refusals: [{ node: "hub-1", subject: "allowed-ips", value: `"${cidr}"`, code, reason }],
    });
  }
});

Deno.test("tunnelPrefixes() takes what is wider than this machine's own part of it", () => {
  // With native routing: the pods of all nodes; those of this one have their own, narrower route.
  assertEquals(tunnelPrefixes(undefined, hub("172.16.0.0/12"), FACTS), {
    prefixes: cidrs("172.16.0.0/12"),
    refusals: [],
  });
});

Deno.test("tunnelPrefixes() lets the user ask for everything", () => {
  const asked = cidrs("192.168.0.0/16 169.254.0.0/16 ::/0 0.0.0.0/0 9.9.9.9/32");
  assertEquals(tunnelPrefixes(asked, hub(), FACTS), { prefixes: asked, refusals: [] });
});

Deno.test("no annotation ever takes from this machine what it reaches otherwise", () => {
  const list = fc.array(fc.oneof(arbitrary.cidr, arbitrary.closeCidr));
  fc.assert(fc.property(list, fc.array(arbitrary.address), (annotated, gateways) => {
    const facts = { ...FACTS, gateways };
    const claim = { ...hub(), allowedIPs: annotated };
    const { prefixes, refusals } = tunnelPrefixes(undefined, claim, facts);
    assertEquals(prefixes.length + refusals.length, new Set(annotated).size);
    const kept = [...gateways, ...FACTS.resolvers].map(hostCidr);
    for (const cidr of prefixes) {
      assert(annotated.includes(cidr));
      assertEquals(kept.filter((address) => cidrContains(cidr, address)), []);
      assertEquals(FACTS.otherRoutes.filter((route) => cidrContains(route, cidr)), []);
    }
  }));
});
