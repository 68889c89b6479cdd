/** What Nodes may write into their annotations, many times over: every peer is as its Node says. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { admit } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { claimOf, MAX_PREFIXES } from "../../lib/contract/claim.ts";
import { cidrContains, cidrsOverlap, hostCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { cidrs, claim, FACTS, judge, NEVER, NO_HOLD } from "./claims.ts";
import { hostileText } from "./hostile_text.ts";
import { propertyRuns } from "./property_runs.ts";

const KEYS = annotationKeys("wireguard.kube/");
const NAMES = [KEYS.publicKey, KEYS.endpoint, KEYS.allowedIPs];
/** Nodes that write at the same time. */
const CROWD = 10;
const HONEST = [claim(101, "10.101.0.0/24 fd00:65::/64"), claim(102, "10.102.0.0/24")];
const { admitted: BEFORE, ledger: LEDGER } = judge(HONEST);
const FORBIDDEN = [
  ...cidrs(NEVER),
  ...[...FACTS.ownAddresses, ...FACTS.neighbours].map(hostCidr),
  ...FACTS.otherRoutes,
];

Deno.test("whatever Nodes write: no crash, no wrong peer, and others go on", () => {
  const annotationsARun = CROWD * NAMES.length;
  const numRuns = Math.ceil(propertyRuns(3000) / annotationsARun);
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new SeededRandom(seed);
      const strangers = Array.from({ length: CROWD }, (_, number) => {
        const annotations = Object.fromEntries(NAMES.map((name) => [name, hostileText(random)]));
        const node = { name: `z${number}`, uid: "", createdAt: 0, labels: {}, annotations };
        return { annotations, claim: claimOf(node, KEYS) };
      });
      const claims = strangers.map(({ claim }) => claim);
      const { admitted, refusals, remarks } = admit([...claims, ...HONEST], FACTS, LEDGER, NO_HOLD);

      for (const [key, peer] of BEFORE) assertEquals(admitted.get(key), peer);
      const all = [...admitted.values()].flatMap(({ allowedIPs }) => allowedIPs);
      for (const [i, cidr] of all.entries()) {
        assertEquals(parseCidr(cidr), cidr);
        assert(FACTS.peerCidrs.some((bound) => cidrContains(bound, cidr)), cidr);
        assert(!FORBIDDEN.some((one) => cidrsOverlap(one, cidr)), cidr);
        assert(!all.slice(i + 1).some((other) => cidrsOverlap(other, cidr)), cidr);
      }
      for (const { node, publicKey, allowedIPs } of admitted.values()) {
        const stranger = strangers.find(({ claim }) => claim.node === node);
        if (!stranger) continue;
        assertEquals(stranger.annotations[KEYS.publicKey]?.trim(), publicKey);
        assert(allowedIPs.length <= MAX_PREFIXES);
      }
      for (const { value, reason } of [...refusals, ...remarks]) {
        assert(/^[\x20-\x7e…]{0,700}$/.test(value + reason), value + reason);
      }
    }),
    { numRuns },
  );
});

Deno.test("hostile texts are refused in part, and in part make peers", () => {
  const random = new SeededRandom(1);
  const counts = { peers: 0, prefixes: 0, faults: 0 };
  for (let i = 0; i < 300; i++) {
    const annotations = Object.fromEntries(NAMES.map((name) => [name, hostileText(random)]));
    const read = claimOf({ name: "z", uid: "", createdAt: 0, labels: {}, annotations }, KEYS);
    counts.peers += Number(read.publicKey !== undefined);
    counts.prefixes += read.allowedIPs?.length ?? 0;
    counts.faults += read.faults.length;
  }
  for (const [what, count] of Object.entries(counts)) assert(count > 10, `${count} ${what}`);
});
