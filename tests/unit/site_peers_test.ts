import { assert, assertEquals } from "@std/assert";
import { hubAddresses } from "../../lib/contract/hub_addresses.ts";
import type { RefusalCode } from "../../lib/contract/refusal.ts";
import { type SiteClaim, siteClaimOf } from "../../lib/contract/site_claim.ts";
import { judgeSite, type SiteFacts } from "../../lib/contract/site_peers.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";
import { asks, at, claim, FACTS, HUB_KEY, judged, keys, NOBODY, node } from "./site_claims.ts";

Deno.test("a peer of the site is taken with its hosts within the tunnel's network", () => {
  const claims = [
    claim(2), // ourselves
    asks(3, "100.96.0.3/32, 100.96.3.3/32, 192.168.7.0/24"),
    claim(4, { labels: { [keys.site]: "elsewhere" } }),
    claim(5, { labels: { [keys.hub]: "true" } }),
  ];
  assertEquals(judgeSite(claims, FACTS, NOBODY).peers, [{
    node: "edge-3",
    publicKey: arbitrary.keyOf(3),
    vpcIP: "10.9.0.3" as IpAddress,
    prefixes: cidrs("100.96.0.3/32 100.96.3.3/32"),
  }]);
  assertEquals(judged(claims).refused, []);
});

/** What edge-3 says, and the codes of what is refused of it: then it is not taken at all. */
const REFUSED: readonly (readonly [string, SiteClaim, readonly RefusalCode[]])[] = [
  ["the hub's tunnel address", asks(3, "100.96.0.3/32,100.96.0.1/32"), ["held"]],
  ["the hub's InternalIP", asks(3, "172.16.0.4/32"), ["held"]],
  ["a cluster node's address", asks(3, "100.96.0.3/32,172.16.0.77/32"), ["out-of-bounds"]],
  ["a network", asks(3, "100.96.0.3/32,100.97.0.0/24"), ["out-of-bounds"]],
  ["everything", asks(3, "0.0.0.0/0"), ["out-of-bounds"]],
  ["our own address", asks(3, "100.96.0.2/32"), ["own"]],
  ["our own key", claim(3, { annotations: { [keys.publicKey]: FACTS.ownKey } }), ["own"]],
  ["the hub's key", claim(3, { annotations: { [keys.publicKey]: HUB_KEY } }), ["held"]],
  ["no address", at(3, "10.9.0.3:51820"), ["malformed"]],
  ["a newline", at(3, "10.9.0.3\nPostUp = sh"), ["malformed"]],
  ["loopback", at(3, "127.0.0.1"), ["special-purpose"]],
  ["link-local", at(3, "169.254.169.254"), ["special-purpose"]],
  ["link-local of IPv6", at(3, "fe80::1"), ["special-purpose"]],
  ["multicast", at(3, "224.0.0.1"), ["special-purpose"]],
  ["broadcast", at(3, "255.255.255.255"), ["special-purpose"]],
  ["unspecified", at(3, "0.0.0.0"), ["special-purpose"]],
  ["unspecified of IPv6", at(3, "::"), ["special-purpose"]],
  ["our own place", at(3, "10.9.0.2"), ["own"]],
  ["our own place, mapped", at(3, "::ffff:10.9.0.2"), ["own"]],
  ["a place in the tunnel", at(3, "100.96.0.3"), ["tunnel-network"]],
  ["a place in the cluster", at(3, "172.16.0.4"), ["tunnel-network"]],
];

for (const [what, said, codes] of REFUSED) {
  Deno.test(`a peer of the site that claims ${what} stays with the hub, and nobody else does`, () => {
    const { taken, refused } = judged([said, claim(4)]);
    assertEquals(taken, [4]);
    assertEquals(refused.map((text) => text.split(" ").at(-1)), codes);
  });
}

Deno.test("a place in the hub's prefixes is one if this machine has a narrower route to it", () => {
  assertEquals(judged([at(3, "172.16.128.3")]).taken, [3]);
  const everything = { ...FACTS, hubPrefixes: cidrs("0.0.0.0/0") };
  assertEquals(judged([claim(3)], NOBODY, everything).taken, [3]);
  assertEquals(judged([at(3, "10.10.0.3")], NOBODY, everything).taken, []);
});

/** The same spoke where the user routes everything to the hub: only `own` tells the tunnel's network. */
const everything = (own: string, hubPrefixes = "0.0.0.0/0 ::/0"): SiteFacts => ({
  ...FACTS,
  tunnelAddresses: [parseInterfaceAddress(own)!],
  hubPrefixes: cidrs(hubPrefixes),
  outside: ["203.0.113.1", "192.0.2.9", "10.9.0.1", "100.96.0.53"] as IpAddress[],
});

Deno.test("where the hub has everything, the hosts of a site are those of the address's own network", () => {
  const network = everything("100.96.0.2/24");
  assertEquals(judged([claim(3)], NOBODY, network).taken, [3]);
  const narrower = everything("100.96.0.2/32", "0.0.0.0/0 100.96.0.0/28");
  assertEquals(judged([claim(3)], NOBODY, narrower).taken, [3]);
  const table: [string, SiteFacts, RefusalCode][] = [
    ["100.96.0.3/32", everything("100.96.0.2/32"), "out-of-bounds"],
    ["100.96.1.3/32", network, "out-of-bounds"],
    ["198.51.100.7/32", network, "out-of-bounds"],
    ["100.96.0.53/32", network, "neighbour"],
    ["192.0.2.9/32", network, "neighbour"],
    ["203.0.113.1/32", network, "neighbour"],
    ["10.9.0.7/32", network, "route"],
    ["169.254.169.254/32", network, "special-purpose"],
    ["fe80::1/128", network, "special-purpose"],
  ];
  for (const [asked, facts, code] of table) {
    const { taken, refused } = judged([asks(3, asked)], NOBODY, facts);
    assertEquals([taken, refused], [[], [`edge-3 allowed-ips ${code}`]], asked);
  }
});

Deno.test("a host of this machine's network within the hub's is not taken, one beside it is", () => {
  const facts = {
    ...FACTS,
    published: cidrs("10.0.7.2/32"),
    tunnelAddresses: [parseInterfaceAddress("10.0.7.2/32")!],
    hubPrefixes: cidrs("10.0.0.0/8"),
    otherRoutes: cidrs("10.0.0.0/24 10.9.0.0/24"),
  };
  assertEquals(judged([asks(3, "10.0.0.20/32"), asks(4, "10.0.7.4/32")], NOBODY, facts).taken, [4]);
  // A wider route of another interface has lost to the hub's prefix before.
  const behind = { ...facts, otherRoutes: cidrs("8.0.0.0/5 10.9.0.0/24") };
  assertEquals(judged([asks(4, "10.0.7.4/32")], NOBODY, behind).taken, [4]);
});

Deno.test("an address is taken neither from a member nor from a peer elsewhere, however young", () => {
  const facts = { ...FACTS, hubPrefixes: cidrs("100.96.0.0/12") };
  const member = { [keys.site]: "", [keys.member]: "true" };
  const elsewhere = { [keys.site]: "" };
  const young = { createdAt: 9_000_000 };
  const claims = [
    asks(3, "100.96.0.3/32,100.96.0.7/32"),
    asks(4, "100.96.0.8/32"),
    asks(7, "100.96.0.7/32", { labels: member, ...young }),
    asks(8, "100.96.0.8/32", { labels: elsewhere, ...young }),
    claim(5),
  ];
  assertEquals(judged(claims, NOBODY, facts), {
    taken: [5],
    refused: ["edge-3 allowed-ips held", "edge-4 allowed-ips held"],
    holdings: {
      keys: new Map([[arbitrary.keyOf(5), "edge-5"]]),
      prefixes: new Map([["100.96.0.5/32" as Cidr, "edge-5"]]),
    },
    obstacle: undefined,
  });
});

Deno.test("who holds an address or a key keeps it; what two claim and neither holds is the hub's", () => {
  const alone = judged([claim(3), claim(5)]);
  assertEquals(alone.taken, [3, 5]);
  const address = asks(1, "100.96.0.3/32");
  const key = claim(4, { annotations: { [keys.publicKey]: arbitrary.keyOf(5) } });
  const claims = [address, claim(3), key, claim(5), claim(6)];
  assertEquals(judged(claims, alone.holdings).taken, [3, 5, 6]);
  assertEquals(judged(claims, alone.holdings).refused, [
    "edge-1 allowed-ips held",
    "edge-4 public-key held",
  ]);
  assertEquals(judged(claims).taken, [6]);
  assertEquals(judged(claims).refused.length, 4);
});

Deno.test("a wide claim that the hub refuses takes the direct way from nobody", () => {
  const liar = asks(1, "100.96.0.0/12,0.0.0.0/0", { labels: { [keys.site]: "" } });
  assertEquals(judged([liar, claim(3)]).taken, [3]);
});

Deno.test("a spoke that asks the hub for a network has no peers: they would drop what comes from it", () => {
  const published = cidrs("100.96.0.2/32 100.97.2.0/24");
  const { taken, obstacle } = judged([claim(3)], NOBODY, { ...FACTS, published });
  assertEquals(taken, []);
  assert(obstacle?.includes("100.97.2.0/24"), obstacle);
  const outside = cidrs("100.96.0.2/32 10.244.2.0/24");
  assertEquals(judged([claim(3)], NOBODY, { ...FACTS, published: outside }).taken, [3]);
});

Deno.test("a peer that does not say (yet) where it is, or what it has, is none, and no offence", () => {
  const { [keys.vpcIP]: _, ...rest } = node(3).annotations;
  const silent = siteClaimOf({ ...node(3), annotations: rest }, keys);
  assertEquals(judged([silent, asks(4, ""), asks(5, "192.168.0.0/16")]), {
    taken: [],
    refused: [],
    holdings: NOBODY,
    obstacle: undefined,
  });
});

Deno.test("hubAddresses() names what hubs say one by one, where they are, and each network's first", () => {
  const hub = {
    name: "hub-1",
    uid: "h",
    createdAt: 0,
    labels: {},
    annotations: {},
    status: {
      internalIPs: ["172.16.0.4"] as IpAddress[],
      externalIPs: ["203.0.113.1"] as IpAddress[],
      ready: true,
    },
  };
  const claims = [{
    node: "hub-1",
    createdAt: 0,
    endpoint: { host: "203.0.113.9", port: 51820 },
    allowedIPs: cidrs("100.96.0.0/12 100.99.0.7/32 fd64::/64"),
    faults: [],
  }];
  const own = ["100.96.5.2/32", "fd64::2/128"].map((text) => parseInterfaceAddress(text)!);
  const prefixes = cidrs("100.96.0.0/12 100.99.0.7/32 fd64::/64 172.16.0.0/16");
  assertEquals(hubAddresses(claims, [hub], prefixes, own).sort(), [
    "100.96.0.1",
    "100.96.5.1",
    "100.99.0.7",
    "172.16.0.4",
    "203.0.113.1",
    "203.0.113.9",
    "fd64::1",
  ]);
});
