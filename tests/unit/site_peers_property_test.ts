import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { judgeSite } from "../../lib/contract/site_peers.ts";
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
import { asks, claim, FACTS, HUB_KEY, keys, NOBODY, SITE } from "./site_claims.ts";

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
