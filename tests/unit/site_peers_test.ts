import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { hubAddresses } from "../../lib/contract/hub_addresses.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { RefusalCode } from "../../lib/contract/refusal.ts";
import { type SiteClaim, siteClaimOf } from "../../lib/contract/site_claim.ts";
import { judgeSite, type SiteFacts, type SiteHoldings } from "../../lib/contract/site_peers.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import {
  type Cidr,
  cidrContains,
  cidrsOverlap,
  hostCidr,
  networkOf,
  parseInterfaceAddress,
} from "../../lib/ip/cidr.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const keys = annotationKeys("p/");
const SITE = "lab";
const HUB_KEY = arbitrary.keyOf(100);
const NOBODY: SiteHoldings = { keys: new Map(), prefixes: new Map() };

/** A spoke 100.96.0.2 on 10.9.0.2, whose hub has the tunnel's network and the cluster's. */
const FACTS: SiteFacts = {
  node: "edge-2",
  site: SITE,
  ownKey: arbitrary.keyOf(2),
  published: cidrs("100.96.0.2/32"),
  tunnelAddresses: [parseInterfaceAddress("100.96.0.2/32")!],
  ownAddresses: ["100.96.0.2", "10.9.0.2", "172.16.128.2"] as IpAddress[],
  hubPrefixes: cidrs("100.96.0.0/12 172.16.0.0/16"),
  otherRoutes: cidrs("10.9.0.0/24 172.16.128.0/24"),
  outside: [],
  hubKeys: new Set([HUB_KEY]),
  hubAddresses: ["100.96.0.1", "172.16.0.4"] as IpAddress[],
};

interface Said {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt?: number;
}

/** The Node `edge-<number>` of the site, with the tunnel address and the site's of that number. */
function node(number: number, { labels, annotations, createdAt }: Said = {}): NodeView {
  return {
    name: `edge-${number}`,
    uid: `${number}`,
    createdAt: createdAt ?? number * 1000,
    labels: { [keys.peer]: "true", [keys.site]: SITE, ...labels },
    annotations: {
      [keys.publicKey]: arbitrary.keyOf(number),
      [keys.allowedIPs]: `100.96.0.${number}/32`,
      [keys.vpcIP]: `10.9.0.${number}`,
      ...annotations,
    },
  };
}

const claim = (number: number, said?: Said): SiteClaim => siteClaimOf(node(number, said), keys);
const asks = (number: number, allowedIPs: string, rest: Said = {}) =>
  claim(number, { ...rest, annotations: { ...rest.annotations, [keys.allowedIPs]: allowedIPs } });
const at = (number: number, vpcIP: string) =>
  claim(number, { annotations: { [keys.vpcIP]: vpcIP } });

/** The numbers of the Nodes that are taken, and what is refused. */
function judged(
  claims: readonly SiteClaim[],
  before: SiteHoldings = NOBODY,
  facts: SiteFacts = FACTS,
) {
  const { peers, refusals, holdings, obstacle } = judgeSite(claims, facts, before);
  return {
    taken: peers.map(({ node }) => Number(node.slice(5))),
    refused: refusals.map(({ node, subject, code }) => `${node} ${subject} ${code}`),
    holdings,
    obstacle,
  };
}

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

/** What a Node of the site may write, a good part of it nearly right. */
const strangersNode = fc.record({
  number: fc.integer({ min: 3, max: 8 }),
  createdAt: fc.nat(10).map((second) => second * 1000),
  site: fc.constantFrom(SITE, SITE, "elsewhere"),
  publicKey: fc.oneof(
    fc.constantFrom(3, 4, 5, 2, 100).map(arbitrary.keyOf),
    arbitrary.strangersText,
  ),
  allowedIPs: fc.oneof(
    fc.array(fc.integer({ min: 0, max: 9 }).map((last) => `100.96.0.${last}/32`), {
      maxLength: 3,
    }).map((list) => list.join()),
    arbitrary.strangersText,
  ),
  vpcIP: fc.oneof(
    fc.constantFrom("10.9.0.3", "10.9.0.2", "172.16.128.9", "172.16.0.9"),
    arbitrary.strangersText,
  ),
}).map(({ number, createdAt, site, publicKey, allowedIPs, vpcIP }) =>
  claim(number, {
    createdAt,
    labels: { [keys.site]: site },
    annotations: {
      [keys.publicKey]: publicKey,
      [keys.allowedIPs]: allowedIPs,
      [keys.vpcIP]: vpcIP,
    },
  })
);
const strangers = fc.uniqueArray(strangersNode, { selector: ({ node }) => node, maxLength: 6 });

Deno.test("whatever peers say: no two share a key or an address, and none has what is not a peer's", () => {
  const never = [...FACTS.hubAddresses, ...FACTS.ownAddresses].map(hostCidr);
  fc.assert(fc.property(strangers, strangers, (earlier, claims) => {
    const before = judgeSite(earlier, FACTS, NOBODY).holdings;
    const { peers } = judgeSite(claims, FACTS, before);
    const all = peers.flatMap(({ prefixes }) => prefixes);
    assertEquals(new Set(all).size, all.length);
    assertEquals(new Set(peers.map(({ publicKey }) => publicKey)).size, peers.length);
    for (const { publicKey, prefixes, vpcIP } of peers) {
      assert(publicKey !== FACTS.ownKey && publicKey !== HUB_KEY);
      assert(prefixes.every((cidr) => cidrContains("100.96.0.0/12" as Cidr, cidr)));
      assert(!prefixes.some((cidr) => never.some((one) => cidrsOverlap(one, cidr))));
      assert(!FACTS.ownAddresses.includes(vpcIP));
    }
  }));
});

Deno.test("the outcome rests on the set of claims and on who held what, not on their order", () => {
  const shuffled = strangers.chain((claims) =>
    fc.tuple(
      fc.constant(claims),
      fc.shuffledSubarray(claims, { minLength: claims.length }),
    )
  );
  fc.assert(fc.property(strangers, shuffled, (earlier, [claims, other]) => {
    const before = judgeSite(earlier, FACTS, NOBODY).holdings;
    assertEquals(judgeSite(claims, FACTS, before), judgeSite(other, FACTS, before));
  }));
});

/** What may be around a spoke, in a range so small that claims hit it. */
const place = fc.oneof(
  fc.constantFrom("10.0.0.", "10.0.1.", "100.96.0.", "169.254.169.").chain((start) =>
    fc.nat(15).map((last) => `${start}${last}`)
  ),
  fc.constantFrom("169.254.169.254", "127.0.0.1", "fd00::7", "fe80::1"),
) as fc.Arbitrary<IpAddress>;
const surroundings = fc.record({
  hubPrefixes: fc.constantFrom(
    "0.0.0.0/0 ::/0",
    "0.0.0.0/1 128.0.0.0/1",
    "10.0.0.0/8 100.96.0.0/12",
    "100.96.0.0/12",
  ).map(cidrs),
  own: fc.constantFrom("10.0.1.2/32", "10.0.0.2/8", "100.96.0.2/12", "100.96.0.2/32"),
  otherRoutes: fc.uniqueArray(fc.constantFrom(...cidrs("10.0.0.0/24 10.0.1.8/29 8.0.0.0/5")))
    .map((routes) => [...routes, ...FACTS.otherRoutes]), // by which peers are reached
  outside: fc.array(place, { maxLength: 4 }),
});
const claimants = fc.uniqueArray(
  fc.record({
    number: fc.integer({ min: 3, max: 8 }),
    allowedIPs: fc.array(place, { maxLength: 3 }).map((list) => list.join()),
  }),
  { selector: ({ number }) => number, maxLength: 5 },
).map((list) => list.map(({ number, allowedIPs }) => asks(number, allowedIPs)));

Deno.test("no set of claims takes what this machine reaches outside the tunnel", () => {
  let taken = 0;
  fc.assert(
    fc.property(surroundings, claimants, ({ own, ...around }, claims) => {
      const facts = { ...FACTS, ...around, tunnelAddresses: [parseInterfaceAddress(own)!] };
      for (const { prefixes } of judgeSite(claims, facts, NOBODY).peers) {
        for (const host of prefixes) {
          taken++;
          assert(!around.outside.map(hostCidr).includes(host), `${host} is outside`);
          assert(!host.startsWith("169.254.") && !host.startsWith("127."), host);
          const lengths = (networks: readonly Cidr[]) =>
            networks.filter((one) => cidrContains(one, host))
              .map((one) => Number(one.split("/")[1]));
          const [tunnel, machine] = [around.hubPrefixes, around.otherRoutes].map(lengths);
          assert(Math.max(-1, ...machine!) < Math.max(-1, ...tunnel!), `${host} is of a network`);
          const covers = (cidr: Cidr) =>
            around.outside.some((one) => cidrContains(cidr, hostCidr(one)));
          const isTunnels = cidrContains(networkOf(facts.tunnelAddresses[0]!), host) ||
            around.hubPrefixes.some((cidr) => cidrContains(cidr, host) && !covers(cidr));
          assert(isTunnels, `${host} is not in the tunnel's network`);
        }
      }
    }),
    { numRuns: 2_000 },
  ); // most hosts asked for are nobody's to take
  assert(taken > 10, `only ${taken} were taken, which shows nothing`);
});
