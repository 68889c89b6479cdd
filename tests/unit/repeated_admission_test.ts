import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { admit } from "../../lib/contract/admission.ts";
import type { Claim } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER, type Ledger } from "../../lib/contract/ledger.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import { RepeatedAdmission } from "../../lib/contract/repeated_admission.ts";
import { parseEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { hostCidr, networkOf } from "../../lib/ip/cidr.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import * as arbitrary from "./arbitraries.ts";
import { at, cidrs, claim, FACTS } from "./claims.ts";

const HOLD_MS = 10_000;

/** As anybody sees a judgement; who comes first in a map is nobody's business. */
const plain = ({ admitted, refusals, remarks, ledger }: ReturnType<typeof admit>) => ({
  admitted: [...admitted].sort(),
  refusals: refusals.map((refusal) => JSON.stringify(refusal)).sort(),
  remarks: remarks.length,
  prefixes: [...ledger.prefixes].sort(),
  keys: [...ledger.keys].sort(),
  released: [...ledger.released].sort(),
  asMembers: [...ledger.asMembers].sort(),
});

/** Prefixes of which few overlap, so that most of what is asked for is granted. */
const wideCidr = fc.oneof(
  { weight: 9, arbitrary: fc.nat(30).map((third) => hostCidr(`10.9.${third}.1` as IpAddress)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(30), fc.constantFrom(24, 28)).map(([third, prefixLength]) =>
      networkOf({ address: `10.9.${third}.0` as IpAddress, prefixLength })
    ),
  },
  { weight: 1, arbitrary: arbitrary.closeCidr },
);

const endpoint = fc.oneof(
  { weight: 9, arbitrary: fc.nat(9).map((last) => parseEndpoint(`198.51.100.${last}:1`)!) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...["10.9.3.1:1", "10.9.4.7:1", "127.0.0.1:1", "known.example:1", "x.example:1"]
        .map((text) => parseEndpoint(text)!),
    ),
  },
);

/** A place of a member: what some ask for, and on the hub's own network. */
const place = fc.oneof(
  fc.nat(30).map((third) => `10.9.${third}.1` as IpAddress),
  fc.integer({ min: 1, max: 9 }).map((last) => `192.168.1.${last}` as IpAddress),
);

const who = {
  createdAt: fc.constantFrom(1000, 2000, 3000),
  publicKey: fc.nat(60).map((number) => arbitrary.keyOf(number + 1)),
};

const anyClaim: fc.Arbitrary<Claim> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ ...who, allowedIPs: fc.array(wideCidr, { maxLength: 3 }), endpoint }, {
      requiredKeys: ["createdAt", "publicKey", "allowedIPs"],
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...who,
      allowedIPs: fc.array(place.map(hostCidr), { minLength: 1, maxLength: 2 }),
      isMember: fc.constant(true as const),
    }),
  },
).map((rest) => ({ ...rest, node: "", faults: [] }));

/** What happens between one judgement and the next. */
type Step = (state: { claims: Map<string, Claim>; facts: LocalFacts; now: number }) => void;

const node = fc.integer({ min: 1, max: 12 }).map((number) => `n${number}`);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(node, anyClaim).map(([node, claim]): Step => ({ claims }) => {
      claims.set(node, { ...claim, node });
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(node, fc.array(wideCidr, { maxLength: 3 })).map(
      ([node, allowedIPs]): Step => ({ claims }) => {
        const known = claims.get(node);
        if (known) claims.set(node, { ...known, allowedIPs });
      },
    ),
  },
  { weight: 2, arbitrary: node.map((node): Step => ({ claims }) => claims.delete(node)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1, 4_000, 20_000).map((ms): Step => (state) => state.now += ms),
  },
  {
    weight: 2,
    arbitrary: node.map((node): Step => ({ claims }) => {
      const known = claims.get(node); // it becomes a member, or is none any more
      if (!known) return;
      const { isMember, ...rest } = known;
      claims.set(node, { ...rest, ...(!isMember && { isMember: true }) });
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(60), fc.oneof(endpoint, place.map((host) => ({ host, port: 1 }))))
      .map(([number, place]): Step => (state) => {
        if (place.host.includes("example")) return;
        const learned = new Map(state.facts.learned);
        learned.set(arbitrary.keyOf(number + 1), place as ResolvedEndpoint);
        state.facts = { ...state.facts, learned };
      }),
  },
  {
    weight: 2,
    arbitrary: node.map((node): Step => (state) => {
      const { publicKey, allowedIPs: [cidr] = [] } = state.claims.get(node) ?? {};
      if (!publicKey || !cidr) return; // it is seen at what it asks for, as members are
      const host = cidr.split("/")[0] as IpAddress;
      const learned = new Map([...state.facts.learned, [publicKey, { host, port: 1 }] as const]);
      state.facts = { ...state.facts, learned };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(undefined, new Map([["aks-1", cidrs("10.9.5.1/32")]])).map(
      (nodes): Step => (state) => state.facts = { ...state.facts, nodes },
    ),
  },
);

const steps = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 25 });

Deno.test("whatever happens from one judgement to the next, the outcome is that of judging all", () => {
  fc.assert(fc.property(steps, (turns) => {
    const admission = new RepeatedAdmission();
    const state = { claims: new Map<string, Claim>(), facts: FACTS, now: 1_000_000 };
    let ledger: Ledger = EMPTY_LEDGER;
    for (const turn of turns) {
      for (const step of turn) step(state);
      const claims = [...state.claims.values()];
      const hold = { now: state.now, holdMs: HOLD_MS };
      const expected = admit(claims, state.facts, ledger, hold);
      const found = admission.admit(claims, state.facts, ledger, hold);
      assertEquals(plain(found), plain(expected));
      ledger = found.ledger;
    }
  }));
});

/** So many peers with a prefix and an endpoint each; every other one a member. */
function peers(count: number): Claim[] {
  return Array.from({ length: count }, (_, number) => ({
    ...claim(
      0,
      `10.${number >> 8}.${number & 255}.200/32`,
      number % 2 === 0 ? { isMember: true } : at(`198.51.100.${number & 255}:1`),
    ),
    node: `n${number}`,
    publicKey: arbitrary.keyOf(1 + (number % 150)),
  }));
}

Deno.test("one claim of many that changes is judged without looking at the others' prefixes", () => {
  const admission = new RepeatedAdmission();
  const claims = peers(100).map((claim) => ({ ...claim, allowedIPs: counted(claim.allowedIPs!) }));
  const seen = claims.filter(({ isMember }) => isMember).map(({ publicKey, node }) =>
    [publicKey!, { host: `10.0.${node.slice(1)}.200` as IpAddress, port: 1 }] as const
  );
  let looks = 0;
  function counted<T>(list: readonly T[]): readonly T[] {
    return new Proxy(list, {
      get(target, name, receiver) {
        looks++;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
  }
  const hold = { now: 1_000_000, holdMs: HOLD_MS };
  const facts = { ...FACTS, otherRoutes: [], connected: [], learned: new Map(seen) };
  const { ledger, refusals } = admission.admit(claims, facts, EMPTY_LEDGER, hold);
  assertEquals(refusals, []);
  assert(looks > 100, "the first time, all are looked at");
  looks = 0;
  let before = ledger;
  for (const changed of [7, 8]) {
    claims[changed] = { ...claims[changed]!, allowedIPs: cidrs(`10.0.${changed}.201/32`) };
    const { admitted, ledger } = admission.admit(claims, { ...facts }, before, hold);
    before = ledger;
    assertEquals(
      admitted.get(claims[changed]!.publicKey!)?.allowedIPs,
      claims[changed]!.allowedIPs,
    );
    assertEquals(admitted.size, 100);
    assertEquals(looks, 0, claims[changed]!.isMember ? "a member" : "a spoke");
  }
});
