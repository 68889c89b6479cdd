import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { IpAddress } from "../../lib/ip/address.ts";
import {
  type Cidr,
  cidrContains,
  hostCidr,
  parseCidr,
  parseInterfaceAddress,
} from "../../lib/ip/cidr.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, claimOf } from "../../lib/contract/claim.ts";
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
    "0.0.0.0/1": ["special-purpose", "overlaps 0.0.0.0/8"],
    "64.0.0.0/7": ["out-of-bounds", "is wider than /8: only HUB_ALLOWED_IPS may be"],
    "2000::/3": ["out-of-bounds", "is wider than /16: only HUB_ALLOWED_IPS may be"],
    "f000::/4": ["special-purpose", "overlaps fe80::/10"],
    "127.0.0.0/8": ["special-purpose", "overlaps 127.0.0.0/8"],
    "0.0.0.0/8": ["special-purpose", "overlaps 0.0.0.0/8"],
    "239.1.0.0/16": ["special-purpose", "overlaps 224.0.0.0/3"],
    "ff02::/16": ["special-purpose", "overlaps ff00::/8"],
    "9.0.0.0/8": ["neighbour", "covers 9.9.9.9, this machine's name server"],
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

Deno.test("tunnelPrefixes() takes whole private networks, and as much of the others", () => {
  const wide = cidrs("10.0.0.0/8 25.0.0.0/8 fc00::/7 fd00::/8 2a01::/16");
  assertEquals(tunnelPrefixes(undefined, hub(wide.join(" ")), FACTS).prefixes, wide);
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

/** The parts of the internet, as wide or as narrow as somebody may cut it who wants all of it. */
const cutInternet = fc.oneof(
  fc.tuple(fc.nat(255), fc.integer({ min: 0, max: 10 })).map(([first, length]) =>
    `${first}.0.0.0/${length}`
  ),
  fc.tuple(fc.nat(0xffff), fc.integer({ min: 0, max: 18 })).map(([first, length]) =>
    `${first.toString(16)}::/${length}`
  ),
);
const everyEighth = fc.constant(Array.from({ length: 256 }, (_, first) => `${first}.0.0.0/8`));

/** Which part of its family's addresses a prefix is. */
const shareOf = (cidr: Cidr) => 2 ** -Number(cidr.slice(cidr.indexOf("/") + 1));

Deno.test("no set of annotated prefixes covers the internet", () => {
  const keys = annotationKeys("p/");
  const cuts = fc.oneof(fc.array(cutInternet, { maxLength: 200 }), everyEighth);
  fc.assert(fc.property(cuts, (list) => {
    const node = { name: "hub-1", uid: "1", createdAt: 0, labels: {} };
    const claim = claimOf({ ...node, annotations: { [keys.allowedIPs]: list.join() } }, keys);
    const { prefixes } = tunnelPrefixes(undefined, claim, FACTS);
    const share = (isIPv6: boolean) =>
      prefixes.filter((cidr) =>
        cidr.includes(":") === isIPv6 && !cidrContains("fc00::/7" as Cidr, cidr)
      ).map(shareOf).reduce((sum, one) => sum + one, 0);
    assert(share(false) <= 1 / 4, `${share(false)} of all IPv4 addresses`);
    assert(share(true) <= 1 / 1024, `${share(true)} of all IPv6 addresses`);
  }));
});
