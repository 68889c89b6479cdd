import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cidrContains, cidrsOverlap, hostCidr } from "../../lib/ip/cidr.ts";
import { parseEndpoint, printEndpoint } from "../../lib/ip/endpoint.ts";
import { EMPTY_LEDGER, type Judgement, type Ledger } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, claimOf } from "../../lib/contract/claim.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs, FACTS, judge, NEVER } from "./claims.ts";

// Many claims on few networks, keys and endpoints, so that they collide.
const NUMBERS = [1, 2, 3, 4, 5, 6];

const anyCidr = fc.oneof(
  { weight: 8, arbitrary: arbitrary.closeCidr },
  { weight: 1, arbitrary: fc.constantFrom(...cidrs(NEVER), ...cidrs("8.8.8.8/32 10.0.0.0/7")) },
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

/** A ledger as an earlier judgement left it. */
const ledger: fc.Arbitrary<Ledger> = fc.oneof(
  fc.constant(EMPTY_LEDGER),
  claims.map((claims) => judge(claims).ledger),
);

const plain = ({ admitted, refusals, ledger }: Judgement) => ({
  admitted: [...admitted].sort(),
  refusals: refusals.map((refusal) => JSON.stringify(refusal)).sort(),
  prefixes: [...ledger.prefixes].sort(),
  keys: [...ledger.keys].sort(),
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
    ...FACTS.otherRoutes,
  ];
  fc.assert(fc.property(claims, ledger, (claims, before) => {
    const { admitted, ledger } = judge(claims, before);
    const all = [...admitted.values()].flatMap(({ node, allowedIPs }) =>
      allowedIPs.map((cidr) => ({ node, cidr }))
    );
    for (const [i, one] of all.entries()) {
      assert(FACTS.peerCidrs.some((bound) => cidrContains(bound, one.cidr)));
      assertEquals(forbidden.filter((cidr) => cidrsOverlap(cidr, one.cidr)), []);
      for (const other of all.slice(i + 1)) assert(!cidrsOverlap(one.cidr, other.cidr));
      const claim = claims.find((claim) => claim.node === one.node);
      assert(claim?.allowedIPs?.includes(one.cidr), "nobody asked for it");
      assertEquals(ledger.prefixes.get(one.cidr), one.node);
    }
    assertEquals(ledger.prefixes.size, all.length);
    for (const { endpoint } of admitted.values()) {
      if (!endpoint) continue;
      assert(!all.some(({ cidr }) => cidrContains(cidr, hostCidr(endpoint.host))));
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
