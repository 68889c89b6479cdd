/**
 * What it costs the hub to judge the claims of 5 to 5,000 Nodes with three prefixes each: all afresh,
 * and those that have changed since all were granted.
 */
import { admit } from "../../lib/contract/admission.ts";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import { type Claim, claimOf } from "../../lib/contract/claim.ts";
import { EMPTY_LEDGER } from "../../lib/contract/ledger.ts";
import { RepeatedAdmission } from "../../lib/contract/repeated_admission.ts";
import type { LocalFacts } from "../../lib/contract/local_facts.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { isResolved } from "../../lib/ip/endpoint.ts";
import { publicKeyFromBytes } from "../../lib/wireguard/key.ts";

const KEYS = annotationKeys("wireguard.kube/");
const HOLD = { now: 1_800_000_000_000, holdMs: 600_000 };
const FACTS: LocalFacts = {
  ownKey: keyOf(999_999),
  ownAddresses: ["100.96.0.1", "192.0.2.1"] as IpAddress[],
  tunnelNetworks: ["100.96.0.0/12"] as Cidr[],
  peerCidrs: ["10.0.0.0/8", "100.64.0.0/10", "fc00::/7"] as Cidr[],
  otherRoutes: ["192.0.2.0/24"] as Cidr[],
  connected: ["192.0.2.0/24"] as Cidr[],
  neighbours: ["192.0.2.254"] as IpAddress[],
  nodes: new Map(),
  podNetworks: [],
  learned: new Map(),
  resolve: (endpoint) => isResolved(endpoint) ? endpoint : undefined,
};

function keyOf(number: number) {
  const bytes = new Uint8Array(32).fill(1);
  new DataView(bytes.buffer).setUint32(0, number);
  return publicKeyFromBytes(bytes);
}

/** The Node of that number, with a key, an endpoint and three prefixes. */
function nodeOf(number: number): NodeView {
  const low = `${(number >> 8) & 255}.${number & 255}`;
  return {
    name: `edge-${number}`,
    uid: `${number}`,
    createdAt: number,
    labels: {},
    annotations: {
      [KEYS.publicKey]: keyOf(number),
      [KEYS.endpoint]: `198.51.100.${number & 255}:51820`,
      [KEYS.allowedIPs]: `100.97.${low}/32,10.${low}.0/24,fd00:${number.toString(16)}::/64`,
    },
  };
}

for (const nodes of [5, 100, 1000, 5000]) {
  const views = Array.from({ length: nodes }, (_, number) => nodeOf(number + 1));
  const claims: Claim[] = views.map((view) => claimOf(view, KEYS));
  const held = admit(claims, FACTS, EMPTY_LEDGER, HOLD).ledger;
  const judge = (given: readonly Claim[], before: typeof held) => {
    const { admitted } = admit(given, FACTS, before, HOLD);
    if (admitted.size !== nodes) throw new Error("all are to be admitted");
  };
  Deno.bench(`read the claims of ${nodes} Nodes`, { group: "read" }, () => {
    for (const view of views) claimOf(view, KEYS);
  });
  Deno.bench(`judge ${nodes} claims, all new`, { group: "new" }, () => judge(claims, EMPTY_LEDGER));
  Deno.bench(`judge ${nodes} claims, all known`, { group: "known" }, () => judge(claims, held));
  const repeated = new RepeatedAdmission();
  const two = [nodeOf(1), nodeOf(nodes + 1)].map((view) =>
    claimOf({ ...view, name: "edge-1" }, KEYS)
  );
  let { ledger } = repeated.admit(claims, FACTS, EMPTY_LEDGER, HOLD);
  let turn = 0;
  Deno.bench(`judge ${nodes} claims again, one has changed`, { group: "again" }, () => {
    const changed = [two[++turn % 2]!, ...claims.slice(1)];
    const judgement = repeated.admit(changed, FACTS, ledger, HOLD);
    ledger = judgement.ledger;
    if (judgement.admitted.size !== nodes) throw new Error("all are to be admitted");
  });
}
