import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byAge, type Claim } from "./claim.ts";
import { EMPTY_LEDGER, type Ledger, mergeLedgers } from "./ledger.ts";

/**
 * The ledger of a program that begins: what was saved, and what else the interface shows to be held,
 * since the last save may have failed.
 */
export function firstLedger(
  saved: Ledger | undefined,
  found: Device | undefined,
  claims: readonly Claim[],
): Ledger {
  const rebuilt = found ? rebuildLedger(found.peers, claims) : EMPTY_LEDGER;
  return saved ? mergeLedgers(saved, rebuilt) : rebuilt;
}

/**
 * Who holds what, as the interface has it: a program that starts again has no ledger, and without
 * one an older Node could take what it was refused before. Where several Nodes claim the key of one
 * peer it is not known whose it is; then the oldest counts, as for newcomers.
 */
export function rebuildLedger(
  peers: ReadonlyMap<PublicKey, Peer>,
  claims: readonly Claim[],
): Ledger {
  const owners = new Map<PublicKey, Claim>();
  for (const claim of claims) {
    if (claim.publicKey === undefined || !peers.has(claim.publicKey)) continue;
    const known = owners.get(claim.publicKey);
    if (!known || byAge(claim, known) < 0) owners.set(claim.publicKey, claim);
  }
  return {
    keys: new Map([...owners].map(([key, { node }]) => [key, node])),
    prefixes: new Map(
      [...owners].flatMap(([key, { node }]) =>
        (peers.get(key)?.allowedIPs ?? []).map((cidr) => [cidr, node] as const)
      ),
    ),
    released: new Map(),
  };
}
