import { createHash } from "node:crypto";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { type PublicKey, publicKeyFromBytes } from "../../lib/wireguard/key.ts";

/** A peer of the benchmark. */
export interface BenchPeer {
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly allowedIPs: readonly Cidr[];
}

/**
 * The peer of that number, as rivals/session/session.go makes it.
 *
 * @param changed with another address.
 * @param wide with a network of its own besides.
 */
export function benchPeer(number: number, changed: boolean, wide: boolean): BenchPeer {
  const low = `${number >> 8}.${number & 255}`;
  const digest = new Uint8Array(createHash("sha256").update(`peer-${number}`).digest());
  const allowedIPs = [`100.${changed ? 98 : 97}.${low}/32`, ...(wide ? [`10.${low}.0/24`] : [])];
  return {
    name: `peer-${number}`,
    publicKey: publicKeyFromBytes(digest),
    allowedIPs: allowedIPs as Cidr[],
  };
}
