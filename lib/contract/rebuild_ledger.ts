import type { Cidr } from "../ip/cidr.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge, type Claim } from "./claim.ts";
import { EMPTY_LEDGER, type Ledger } from "./ledger.ts";

/**
 * The ledger of a program that begins: what was saved, and what the interface shows. The interface
 * is newer, as the last save may have failed; but whose a key is, it does not know.
 */
export function firstLedger(
  saved: Ledger = EMPTY_LEDGER,
  found: Device | undefined,
  claims: readonly Claim[],
): Ledger {
  const shown = rebuildLedger(found?.peers ?? new Map(), claims, saved.keys);
  return {
    prefixes: new Map([...saved.prefixes, ...shown.prefixes]),
    keys: new Map([...saved.keys, ...shown.keys]),
    released: saved.released,
  };
}

/**
 * Who holds what, as the interface has it: a program that starts again without a ledger would let an
 * older Node take what it was refused before. Where several Nodes claim the key of one peer, and it
 * is not known whose it is, the oldest counts, as for newcomers.
 *
 * @param known whose keys are known to be whose.
 */
export function rebuildLedger(
  peers: ReadonlyMap<PublicKey, Peer>,
  claims: readonly Claim[],
  known: Ledger["keys"] = EMPTY_LEDGER.keys,
): Ledger {
  const claimed = new Map<PublicKey, Claim>();
  for (const claim of claims) {
    if (claim.publicKey === undefined) continue;
    const other = claimed.get(claim.publicKey);
    if (!other || byAge(claim, other) < 0) claimed.set(claim.publicKey, claim);
  }
  const prefixes = new Map<Cidr, string>();
  const keys = new Map<PublicKey, string>();
  for (const [key, { allowedIPs }] of peers) {
    const node = known.get(key) ?? claimed.get(key)?.node;
    if (node === undefined) continue;
    keys.set(key, node);
    for (const cidr of allowedIPs) prefixes.set(cidr, node);
  }
  return { prefixes, keys, released: new Map() };
}
