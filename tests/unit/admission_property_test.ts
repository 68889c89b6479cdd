import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cidrContains, cidrsOverlap, hostCidr } from "../../lib/ip/cidr.ts";
import { parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { admit, type Judgement } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, claimOf } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs, FACTS, NEVER } from "./claims.ts";

// Many claims on few networks, keys and endpoints, so that they collide.
const NUMBERS = [1, 2, 3, 4, 5, 6];

const anyCidr = fc.oneof(
  { weight: 8, arbitrary: arbitrary.closeCidr },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...cidrs("100.96.0.2/32 100.96.0.8/29 100.96.0.0/23 100.96.5.2/32")),
  },
  { weight: 1, arbitrary: fc.constantFrom(...cidrs(NEVER), ...cidrs("8.8.8.8/32 172.0.0.0/8")) },
);

const anyEndpoint = fc.constantFrom(
  ...["192.0.2.1:1", "10.0.0.3:1", "10.0.0.200:1", "127.0.0.1:1", "known.example:1", "x.example:1"]
    .map((text) => parseEndpoint(text)!),
);

const claims: fc.Arbitrary<Claim[]> = fc.uniqueArray(fc.constantFrom(...NUMBERS)).chain((numbers) =>
  fc.tuple(...numbers.map((number) =>
    fc.record({
      node: fc.constant(`n${number}`),
      createdAt: fc.constantFrom(1000, 2000, 3000),
      publicKey: fc.constantFrom(...NUMBERS, 200).map(arbitrary.keyOf),
      endpoint: anyEndpoint,
      allowedIPs: fc.array(anyCidr, { maxLength: 4 }),
      faults: fc.constant([]),
    }, { requiredKeys: ["node", "createdAt", "faults"] }) as fc.Arbitrary<Claim>
  ))
) as fc.Arbitrary<Claim[]>;

const HOLD = { now: 1_000_000, holdMs: 10_000 };
/** Where peers are seen: beside the tunnel, in what others ask for, and where nobody can be. */
const LEARNED = new Map(
  ["192.0.2.1:1", "10.0.0.100:1", "127.0.0.1:1", "10.0.0.3:9"].map((text, at) => [
    arbitrary.keyOf(at + 1),
    parseEndpoint(text) as ResolvedEndpoint,
  ]),
);

/** Addresses of Nodes: of one that is never a peer, and of two that sometimes are. */
const NODES = new Map([
  ["aks-1", cidrs("10.0.0.70/32 fd00:0:0:3::9/128")],
  ["n1", cidrs("10.0.0.150/32")],
  ["n2", cidrs("10.0.0.200/32")],
]);

const judge = (claims: readonly Claim[], before: Ledger = EMPTY_LEDGER, now = HOLD.now) =>
  admit(claims, { ...FACTS, learned: LEARNED, nodes: NODES }, before, { ...HOLD, now });

/** As it was before anybody made the routes that have a gateway. */
const judgeEarlier = (claims: readonly Claim[]) => {
  const facts = { ...FACTS, otherRoutes: FACTS.connected, learned: LEARNED, nodes: NODES };
  return admit(claims, facts, EMPTY_LEDGER, HOLD);
};

/** A ledger as an earlier judgement left it. */
const ledger: fc.Arbitrary<Ledger> = fc.oneof(
  fc.constant(EMPTY_LEDGER),
  claims.map((claims) => judge(claims).ledger),
  claims.map((claims) => judgeEarlier(claims).ledger),
  fc.tuple(claims, claims, fc.constantFrom(0, 5_000, 15_000)).map(([first, second, ago]) =>
    judge(second, judge(first, EMPTY_LEDGER, HOLD.now - ago).ledger, HOLD.now - ago).ledger
  ),
);

const plain = ({ admitted, refusals, ledger }: Judgement) => ({
  admitted: [...admitted].sort(),
  refusals: refusals.map((refusal) => JSON.stringify(refusal)).sort(),
  prefixes: [...ledger.prefixes].sort(),
  keys: [...ledger.keys].sort(),
  released: [...ledger.released].sort(),
});

Deno.test("the order of claims changes nothing", () => {
  fc.assert(fc.property(claims, ledger, fc.infiniteStream(fc.nat()), (claims, before, draws) => {
    const shuffled = claims.map((claim) => ({ claim, draw: draws.next().value as number }))
      .sort((a, b) => a.draw - b.draw).map(({ claim }) => claim);
    assertEquals(plain(judge(shuffled, before)), plain(judge(claims, before)));
  }));
});

Deno.test("judging again with the ledger just made changes nothing", () => {
  fc.assert(fc.property(claims, ledger, (claims, before) => {
    const judgement = judge(claims, before);
    const again = judge(claims, judgement.ledger);
    assertEquals(
      { ...plain(again), refusals: again.refusals.length }, // for another reason, perhaps
      { ...plain(judgement), refusals: judgement.refusals.length },
    );
  }));
});

Deno.test("no two peers overlap, and nobody gets what no peer may have", () => {
  const forbidden = [
    ...cidrs(NEVER),
    ...[...FACTS.ownAddresses, ...FACTS.neighbours].map(hostCidr),
    ...FACTS.connected,
  ];
  fc.assert(fc.property(claims, ledger, (claims, before) => {
    const { admitted, ledger } = judge(claims, before);
    const names = new Set(claims.map(({ node }) => node));
    const others = [...NODES].filter(([node]) => !names.has(node)).flatMap(([, list]) => list);
    const all = [...admitted.values()].flatMap(({ node, allowedIPs }) =>
      allowedIPs.map((cidr) => ({ node, cidr }))
    );
    for (const [i, one] of all.entries()) {
      assert(FACTS.peerCidrs.some((bound) => cidrContains(bound, one.cidr)));
      assertEquals(forbidden.filter((cidr) => cidrsOverlap(cidr, one.cidr)), []);
      for (const other of all.slice(i + 1)) assert(!cidrsOverlap(one.cidr, other.cidr));
      const asked = claims.find((claim) => claim.node === one.node)?.allowedIPs;
      const had = before.prefixes.get(one.cidr) === one.node;
      const isPart = [...before.prefixes].some(([wider, node]) =>
        node === one.node && cidrContains(wider, one.cidr)
      );
      assert(isPart || !others.some((address) => cidrContains(one.cidr, address)));
      const isTunnels = FACTS.tunnelNetworks.some((network) => cidrContains(network, one.cidr));
      for (const route of FACTS.otherRoutes.filter((route) => cidrsOverlap(route, one.cidr))) {
        assert(!cidrContains(one.cidr, route), `${route} is reached elsewhere`);
        assert(isPart || isTunnels, `${one.cidr} was new, and reached elsewhere by ${route}`);
      }
      assert(asked ? asked.includes(one.cidr) : had, "nobody asked for it");
      assertEquals(ledger.prefixes.get(one.cidr), one.node);
    }
    const kept = [...ledger.prefixes].filter(([, node]) => ledger.released.has(node));
    assertEquals(ledger.prefixes.size, all.length + kept.length);
    for (const [cidr] of kept) assert(!all.some((one) => cidrsOverlap(one.cidr, cidr)));
    for (const { endpoint } of admitted.values()) {
      if (!endpoint) continue;
      assert(!all.some(({ cidr }) => cidrContains(cidr, hostCidr(endpoint.host))));
    }
  }));
});

Deno.test("no newcomer gets the place at which a known peer is reached", () => {
  fc.assert(fc.property(claims, ledger, (claims, before) => {
    const { refusals, ledger } = judge(claims, before);
    for (const { node, subject, code, value } of refusals) {
      const key = claims.find((claim) => claim.node === node)?.publicKey;
      const isKnown = key !== undefined && before.keys.get(key) === node;
      if (!isKnown || subject !== "endpoint" || code !== "held") continue;
      const place = hostCidr((parseEndpoint(value) as ResolvedEndpoint).host);
      const [cidr, owner] = [...ledger.prefixes].find(([cidr]) => cidrContains(cidr, place))!;
      const had = [...before.prefixes].some(([wider, holder]) =>
        holder === owner && cidrContains(wider, cidr)
      );
      assert(had, `${owner} got ${cidr}, where ${node} is`);
    }
  }));
});

Deno.test("every prefix that is asked for with a key of its own is held or refused", () => {
  fc.assert(fc.property(claims, ledger, (claims, before) => {
    const { admitted, refusals } = judge(claims, before);
    for (const { node, publicKey, allowedIPs = [] } of claims) {
      const peer = publicKey && admitted.get(publicKey);
      if (peer?.node !== node) continue;
      for (const cidr of allowedIPs) {
        const held = peer.allowedIPs.some((wider) => cidrContains(wider, cidr));
        const refused = refusals.some((one) => one.node === node && one.value === cidr);
        assert(held !== refused, cidr);
      }
    }
  }));
});

Deno.test("a holder that asks for what it had keeps it, whoever else comes", () => {
  fc.assert(fc.property(claims, claims, (first, second) => {
    const before = judge(first).ledger;
    const { admitted } = judge(second, before);
    for (const { node, allowedIPs } of admitted.values()) {
      const asked = second.find((claim) => claim.node === node)?.allowedIPs ?? [];
      for (const cidr of asked.filter((cidr) => before.prefixes.get(cidr) === node)) {
        assert(allowedIPs.some((held) => cidrContains(held, cidr)), `${node} lost ${cidr}`);
      }
    }
    for (const [key, node] of before.keys) {
      const still = second.some((claim) => claim.node === node && claim.publicKey === key);
      if (still) assertEquals(admitted.get(key)?.node, node);
    }
  }));
});

Deno.test("a wider route that somebody makes takes nothing from a holder", () => {
  fc.assert(fc.property(claims, (claims) => {
    const { ledger } = judgeEarlier(claims);
    const { prefixes } = judge(claims, ledger).ledger;
    for (const [cidr, node] of ledger.prefixes) {
      if (FACTS.otherRoutes.some((route) => cidrContains(cidr, route))) continue;
      assertEquals(prefixes.get(cidr), node, `${node} lost ${cidr}`);
    }
  }));
});

Deno.test("what is kept for Nodes that have gone is theirs when they are back in time", () => {
  fc.assert(fc.property(claims, claims, ledger, (first, second, before) => {
    const had = judge(first, before);
    const without = judge(second, had.ledger);
    const gone = first.filter(({ node }) => !second.some((claim) => claim.node === node));
    const back = judge([...second, ...gone], without.ledger, HOLD.now + HOLD.holdMs - 1);
    for (const { node, publicKey } of gone) {
      const peer = publicKey && had.admitted.get(publicKey);
      if (peer?.node !== node) continue;
      const again = back.admitted.get(publicKey!);
      assertEquals(again?.node, node);
      for (const cidr of peer.allowedIPs) {
        assert(
          again!.allowedIPs.some((wider) => cidrContains(wider, cidr)),
          `${node} lost ${cidr}`,
        );
      }
    }
  }));
});

Deno.test("nothing is kept beyond its time", () => {
  fc.assert(fc.property(claims, ledger, claims, (first, before, second) => {
    const held = judge(first, judge(second, before).ledger).ledger;
    const { ledger, admitted } = judge(first, held, HOLD.now + HOLD.holdMs);
    const keyed = new Set([...admitted.values()].map(({ node }) => node));
    for (const node of [...ledger.prefixes.values(), ...ledger.keys.values()]) {
      assert(keyed.has(node) || !held.released.has(node), `${node} still holds`);
    }
  }));
});

Deno.test("the youngest newcomer, whatever it writes, changes nothing for the others", () => {
  const keys = annotationKeys("wireguard.kube/");
  const text = fc.option(
    fc.oneof(
      arbitrary.strangersText,
      fc.constantFrom(...NUMBERS, 200).map(arbitrary.keyOf),
      anyEndpoint.map(printEndpoint),
      fc.array(anyCidr).map((list) => list.join()),
      fc.constant("x\n".repeat(50_000)),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(claims, ledger, fc.tuple(text, text, text), (claims, before, texts) => {
      const names = [keys.publicKey, keys.endpoint, keys.allowedIPs];
      const annotations = Object.fromEntries(
        names.flatMap((name, i) => texts[i] === undefined ? [] : [[name, texts[i]]]),
      );
      const stranger = claimOf(
        { name: "zz", uid: "", createdAt: 9000, labels: {}, annotations },
        keys,
      );
      const { admitted, refusals } = judge([stranger, ...claims], before);
      const others = [...admitted].filter(([, { node }]) => node !== "zz");
      assertEquals(new Map(others), new Map(judge(claims, before).admitted));
      for (const { value, reason } of refusals) assert(/^[\x20-\x7e…]*$/.test(value + reason));
    }),
    { numRuns: 300 },
  );
});
