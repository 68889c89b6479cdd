import type { Endpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { type AnnotationKeys, MARKED } from "./annotation_keys.ts";
import { byAge, type Claim, claimOf } from "./claim.ts";
import type { NodeView } from "./node.ts";

/** A hub as its Node describes it, with all that a peer needs. */
export interface Hub extends Claim {
  readonly publicKey: PublicKey;
  readonly endpoint: Endpoint;
}

/** The hub that everybody uses, and what was wrong with the Nodes that cannot be it. */
export interface HubChoice {
  readonly hub?: Hub;
  /** The names of all Nodes that bear the hub's label, the active one first. */
  readonly labelled: readonly string[];
  readonly claims: readonly Claim[];
}

/**
 * The active hub among the Nodes: the oldest that is Ready and complete (key and endpoint); with
 * none Ready, the oldest complete. Every node chooses alike from the same facts.
 *
 * @param pinned If given, only a hub with this key is taken.
 */
export function activeHub(
  nodes: Iterable<NodeView>,
  keys: AnnotationKeys,
  pinned?: PublicKey,
): HubChoice {
  const hubs = [...nodes].filter((node) => node.labels[keys.hub] === MARKED)
    .map((node) => ({ ready: node.status?.ready ?? false, claim: claimOf(node, keys) }))
    .sort((a, b) => Number(b.ready) - Number(a.ready) || byAge(a.claim, b.claim));
  const claims = hubs.map(({ claim }) => claim);
  const hub = claims.find((claim): claim is Hub =>
    claim.publicKey !== undefined && claim.endpoint !== undefined &&
    (pinned === undefined || claim.publicKey === pinned)
  );
  const labelled = claims.map((claim) => claim.node);
  if (!hub) return { labelled, claims };
  return { hub, labelled: [hub.node, ...labelled.filter((name) => name !== hub.node)], claims };
}
