import type { Cidr } from "../ip/cidr.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge, type Claim } from "./claim.ts";
import { DisjointCidrs, spanOf } from "./disjoint_cidrs.ts";
import { EMPTY_LEDGER, type Ledger } from "./ledger.ts";

/**
 * The ledger of a program that begins: what was saved, and what the interface shows. The interface
 * is newer, as the last save may have failed: what was saved and overlaps what another Node has there
 * is over. But whose a key is, the interface does not know.
 */
export function firstLedger(
  saved: Ledger = EMPTY_LEDGER,
  found: Device | undefined,
  claims: readonly Claim[],
): Ledger {
  const shown = rebuildLedger(found?.peers ?? new Map(), claims, saved.keys);
  const taken = new DisjointCidrs<string>();
  for (const [cidr, node] of shown.prefixes) taken.add(spanOf(cidr), node);
  const kept = [...saved.prefixes].filter(([cidr, node]) => !taken.add(spanOf(cidr), node));
  return {
    prefixes: new Map([...kept, ...shown.prefixes]),
    keys: new Map([...saved.keys, ...shown.keys]),
    released: saved.released,
    asMembers: saved.asMembers,
  };
}

/**
 * Who holds what, as the interface has it: a program that starts again without a ledger would let an
 * older Node take what it was refused before. Where several Nodes claim the key of one peer, and it
 * is not known whose it is, one that asks for what the peer has counts before others, and of several
 * the oldest, as for newcomers.
 *
 * @param known whose keys were known to be whose. A Node that has another key by now, while somebody
 * else has this one, has given it up since.
 */
export function rebuildLedger(
  peers: ReadonlyMap<PublicKey, Peer>,
  claims: readonly Claim[],
  known: Ledger["keys"] = EMPTY_LEDGER.keys,
): Ledger {
  const claimed = new Map<PublicKey, Claim>();
  const keyOf = new Map<string, PublicKey>();
  for (const claim of claims) {
    const { publicKey } = claim;
    if (publicKey) keyOf.set(claim.node, publicKey);
    const peer = publicKey && peers.get(publicKey);
    if (!peer) continue;
    const other = claimed.get(publicKey);
    if (!other || isRather(claim, other, peer)) claimed.set(publicKey, claim);
  }
  const prefixes = new Map<Cidr, string>();
  const keys = new Map<PublicKey, string>();
  for (const [key, { allowedIPs }] of peers) {
    const last = known.get(key);
    const hasLeft = last !== undefined && keyOf.has(last) && keyOf.get(last) !== key;
    const claimant = claimed.get(key)?.node;
    const node = hasLeft ? claimant ?? last : last ?? claimant;
    if (node === undefined) continue;
    keys.set(key, node);
    for (const cidr of allowedIPs) prefixes.set(cidr, node);
  }
  return { ...EMPTY_LEDGER, prefixes, keys };
}

/** Whether it is `claim`, and not `other`, whose key a peer has. */
function isRather(claim: Claim, other: Claim, { allowedIPs }: Peer): boolean {
  const asks = ({ allowedIPs: asked = [] }: Claim) =>
    asked.some((cidr) => allowedIPs.includes(cidr));
  return (Number(asks(other)) - Number(asks(claim)) || byAge(claim, other)) < 0;
}
