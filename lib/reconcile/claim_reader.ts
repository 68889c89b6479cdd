import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import { type Claim, claimOf, quoted, withInternalIPs } from "../contract/claim.ts";
import type { NodeView } from "../contract/node.ts";
import type { Refusal } from "../contract/refusal.ts";
import type { NodeStatuses } from "./node_statuses.ts";

/**
 * Reads the claims of all peers. What a Node says is parsed once, however often the loop turns: the
 * watcher gives the same object until the Node changes.
 */
export class ClaimReader {
  readonly #keys: AnnotationKeys;
  readonly #statuses: NodeStatuses;
  readonly #known = new WeakMap<NodeView, Claim>();

  constructor(keys: AnnotationKeys, statuses: NodeStatuses) {
    this.#keys = keys;
    this.#statuses = statuses;
  }

  /** The claims of these Nodes, `own` left out; those without allowed-ips with their InternalIPs. */
  read(nodes: ReadonlyMap<string, NodeView>, own: string): Claim[] {
    const lacking = new Set<string>();
    const claims: Claim[] = [];
    for (const node of nodes.values()) {
      if (node.name === own) continue;
      const claim = this.#claim(node);
      if (claim.publicKey && !claim.allowedIPs) {
        lacking.add(node.name);
        claims.push(withInternalIPs(claim, this.#statuses.get(node.name)));
      } else claims.push(claim);
    }
    this.#statuses.retain(lacking);
    return claims;
  }

  #claim(node: NodeView): Claim {
    const known = this.#known.get(node);
    if (known) return known;
    const keys = this.#keys;
    const claim = node.labels[keys.hub] === MARKED ? ofHub(node, keys) : claimOf(node, keys);
    this.#known.set(node, claim);
    return claim;
  }
}

/** What a hub says of itself is for spokes: as a peer's claim it would ask for all that they send. */
function ofHub({ name, createdAt, annotations }: NodeView, keys: AnnotationKeys): Claim {
  const value = quoted(annotations[keys.publicKey] ?? "");
  const fault: Refusal = {
    node: name,
    subject: "public-key",
    value,
    code: "hub",
    reason: "is that of another hub, which is no peer",
  };
  return { node: name, createdAt, faults: [fault] };
}
