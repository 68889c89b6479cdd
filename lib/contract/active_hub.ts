import type { Endpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { type AnnotationKeys, MARKED } from "./annotation_keys.ts";
import { byAge, type Claim, claimOf } from "./claim.ts";
import type { NodeView } from "./node.ts";
import type { Fault } from "./refusal.ts";

/** A hub as its Node describes it, with all that a peer needs. */
export interface Hub extends Claim {
  readonly publicKey: PublicKey;
  readonly endpoint: Endpoint;
}

/** What bounds the choice of a hub. */
export interface HubBounds {
  /** If given, only a hub with this key is taken. */
  readonly pinned?: PublicKey | undefined;
  /** The key of who asks: a Node that says it is its own is no hub for it. */
  readonly ownKey?: PublicKey;
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
 */
export function activeHub(
  nodes: Iterable<NodeView>,
  keys: AnnotationKeys,
  { pinned, ownKey }: HubBounds = {},
): HubChoice {
  const hubs = [...nodes].filter((node) => node.labels[keys.hub] === MARKED)
    .map((node) => ({
      ready: node.status?.ready ?? false,
      claim: withoutKey(claimOf(node, keys), ownKey),
    }))
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

/** WireGuard ignores a peer that has the interface's own key: it would be added again and again. */
function withoutKey(claim: Claim, ownKey: PublicKey | undefined): Claim {
  if (claim.publicKey === undefined || claim.publicKey !== ownKey) return claim;
  const { publicKey, faults, ...rest } = claim;
  const fault: Fault = { code: "own", reason: "is this machine's own key" };
  return {
    ...rest,
    faults: [...faults, { node: claim.node, subject: "public-key", value: publicKey, ...fault }],
  };
}
