import { assertEquals } from "@std/assert";
import { admit } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, peerClaimOf } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { REFUSAL_CODES, type RefusalCode, refusalsByCode } from "../../lib/contract/refusal.ts";
import { keyOf } from "./arbitraries.ts";
import { at, cidrs, claim, FACTS, judge, NO_HOLD } from "./claims.ts";

const keys = annotationKeys("wireguard.kube/");
const annotated = (
  annotations: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> = {},
) => peerClaimOf({ name: "n1", uid: "", createdAt: 1000, labels, annotations }, keys);

const HOLDER = claim(5, "10.5.0.0/24", at("10.7.0.7:1"));

/** What n1 claims beside n5, who held its prefix before, and the codes of what is refused. */
const TABLE: readonly (readonly [Claim, readonly RefusalCode[]])[] = [
  [annotated({ [keys.publicKey]: "x" }), ["malformed"]],
  [annotated({ [keys.endpoint]: "x" }), ["malformed"]],
  [annotated({ [keys.allowedIPs]: "10.1.0.0/24,x" }), ["malformed"]],
  [annotated({ [keys.allowedIPs]: "10.1.0.0/24,".repeat(65) }), ["too-many"]],
  [annotated({ [keys.allowedIPs]: "100.96.0.0/12" }, { [keys.hub]: "true" }), ["hub"]],
  [claim(1, "127.0.0.0/8 8.8.8.8/32"), ["special-purpose", "out-of-bounds"]],
  [claim(1, "10.0.0.17/32"), ["own"]],
  [claim(1, "", { publicKey: FACTS.ownKey }), ["own"]],
  [claim(1, "192.168.1.16/28"), ["route"]],
  [claim(1, "10.0.0.50/32"), ["neighbour"]],
  [claim(1, "10.7.0.0/24"), ["endpoint"]],
  [claim(1, "10.5.0.0/25"), ["held"]],
  [claim(1, "", { publicKey: keyOf(5) }), ["held"]],
  [claim(1, "", at("127.0.0.1:1")), ["special-purpose"]],
  [claim(1, "", at("192.168.1.2:1")), ["own"]],
  [claim(1, "", at("100.96.0.9:1")), ["tunnel-network"]],
  [claim(1, "", at("10.5.0.1:1")), ["held"]],
  [claim(1, "10.9.0.0/24"), ["node"]],
  [claim(1, "", at("10.244.0.9:1")), ["pod-network"]],
];

Deno.test("each refusal bears a code to count by", () => {
  const { ledger } = judge([HOLDER]);
  const facts = { ...FACTS, nodes: new Map([["aks-1", cidrs("10.9.0.9/32")]]) };
  const met = new Set(["kept", "hub", ...TABLE.flatMap(([, codes]) => codes)]);
  assertEquals(REFUSAL_CODES.filter((code) => !met.has(code)), []);
  for (const [newcomer, codes] of TABLE) {
    const { refusals } = admit([newcomer, HOLDER], facts, ledger, NO_HOLD);
    assertEquals(refusals.map(({ code }) => code), codes, JSON.stringify(newcomer));
  }
});

Deno.test("what is kept for a Node that has gone has a code of its own", () => {
  const { ledger } = judge([HOLDER]);
  const newcomers = [claim(1, "10.5.0.0/25"), claim(2, "", { publicKey: keyOf(5) })];
  const { refusals } = judge(newcomers, ledger, { ...NO_HOLD, holdMs: 1000 });
  assertEquals(refusals.map(({ code }) => code).sort(), ["kept", "kept"]);
});

Deno.test("refusalsByCode() counts each code, also those that are not met", () => {
  const counts = refusalsByCode([{ code: "held" }, { code: "own" }, { code: "held" }]);
  assertEquals([...counts.keys()], [...REFUSAL_CODES]);
  assertEquals([...counts].filter(([, count]) => count > 0), [["own", 1], ["held", 2]]);
  assertEquals(judge([HOLDER], EMPTY_LEDGER).refusals, []);
});
