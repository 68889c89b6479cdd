import type { Cidr } from "../ip/cidr.ts";
import type { PublicKey } from "../wireguard/key.ts";

/** Who held what when the last judgement was made, by Node name. */
export interface Ledger {
  readonly prefixes: ReadonlyMap<Cidr, string>;
  readonly keys: ReadonlyMap<PublicKey, string>;
  /** Nodes that hold something and are no peers at present, and since when: ms since 1970. */
  readonly released: ReadonlyMap<string, number>;
  /** What Nodes have, or had while they were members: once they are none, they are not given it again. */
  readonly asMembers: ReadonlyMap<Cidr, string>;
}

/** The ledger of somebody who has judged nothing yet. */
export const EMPTY_LEDGER: Ledger = {
  prefixes: new Map(),
  keys: new Map(),
  released: new Map(),
  asMembers: new Map(),
};

/** How long what a Node held is kept for it after it has gone. */
export interface ClaimHold {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds; 0: not at all. */
  readonly holdMs: number;
}

/**
 * Since when each Node that holds something, and is not among those present, has been away; those
 * that have been for longer than it is kept for them are left out.
 */
export function awaySince(
  before: Ledger,
  present: ReadonlySet<string>,
  { now, holdMs }: ClaimHold,
): Map<string, number> {
  const away = new Map<string, number>();
  for (const node of [...before.prefixes.values(), ...before.keys.values()]) {
    if (present.has(node) || away.has(node)) continue;
    const since = Math.min(before.released.get(node) ?? now, now); // the clock may have gone back
    if (now - since < holdMs) away.set(node, since);
  }
  return away;
}

/** The prefixes of each Node. */
export function byHolder(prefixes: Ledger["prefixes"]): Map<string, Cidr[]> {
  const holdings = new Map<string, Cidr[]>();
  for (const [cidr, node] of prefixes) {
    const known = holdings.get(node);
    if (known) known.push(cidr);
    else holdings.set(node, [cidr]);
  }
  return holdings;
}
