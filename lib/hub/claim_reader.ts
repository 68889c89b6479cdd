import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import { type Claim, peerClaimOf, withInternalIPs } from "../contract/claim.ts";
import { memberClaim } from "../contract/member_claim.ts";
import type { NodeView } from "../contract/node.ts";
import type { NodeStatuses } from "./node_statuses.ts";

/** A claim with the addresses of its Node. */
interface Counting {
  readonly internalIPs: string | undefined;
  readonly counted: Claim;
}

/**
 * Reads the claims of all peers. What a Node says is parsed once, however often the loop turns: the
 * watcher gives the same object until the Node changes.
 */
export class ClaimReader {
  readonly #keys: AnnotationKeys;
  readonly #statuses: NodeStatuses;
  readonly #known = new WeakMap<NodeView, Claim>();
  readonly #counting = new WeakMap<Claim, Counting>();
  #knowsMembers = true;

  constructor(keys: AnnotationKeys, statuses: NodeStatuses) {
    this.#keys = keys;
    this.#statuses = statuses;
  }

  /** Whether the addresses of all members that were read last have been asked for. */
  get knowsMembers(): boolean {
    return this.#knowsMembers;
  }

  /** The claims of these Nodes, `own` left out; with InternalIPs those of members, or without allowed-ips. */
  read(nodes: ReadonlyMap<string, NodeView>, own: string): Claim[] {
    const lacking = new Set<string>();
    const claims: Claim[] = [];
    this.#knowsMembers = true;
    for (const node of nodes.values()) {
      if (node.name === own) continue;
      const claim = this.#claim(node);
      if (claim.publicKey && claim.isMember) {
        lacking.add(node.name);
        const said = node.annotations[this.#keys.allowedIPs] ?? "";
        const counted = this.#counted(claim, this.#statuses.get(node.name, said), memberClaim);
        if (counted.faults.length > claim.faults.length) this.#statuses.doubt(node.name);
        claims.push(counted);
        this.#knowsMembers &&= this.#statuses.hasAsked(node.name);
      } else if (claim.publicKey && !claim.allowedIPs) {
        lacking.add(node.name);
        claims.push(this.#counted(claim, this.#statuses.get(node.name), withInternalIPs));
      } else claims.push(claim);
    }
    this.#statuses.retain(lacking);
    return claims;
  }

  #claim(node: NodeView): Claim {
    const known = this.#known.get(node);
    if (known) return known;
    const claim = peerClaimOf(node, this.#keys);
    this.#known.set(node, claim);
    return claim;
  }

  /** What counts of it, with the Node's addresses: the same object as long as these are the same. */
  #counted(claim: Claim, node: NodeView | undefined, count: typeof memberClaim): Claim {
    const internalIPs = node?.status?.internalIPs.join();
    const known = this.#counting.get(claim);
    if (known && known.internalIPs === internalIPs) return known.counted;
    const counted = count(claim, node);
    this.#counting.set(claim, { internalIPs, counted });
    return counted;
  }
}
