import type { Judgement } from "../contract/admission.ts";
import type { Claim } from "../contract/claim.ts";
import type { Ledger } from "../contract/ledger.ts";
import type { Refusal } from "../contract/refusal.ts";
import type { Device, Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { byNode, seenPeer } from "./seen_peer.ts";
import type { PeerStatus } from "./status_report.ts";

/** What the Nodes say, and what the hub makes of it. */
export interface JudgedNodes {
  readonly claims: readonly Claim[];
  readonly judgement: Pick<Judgement, "admitted" | "refusals">;
}

/**
 * The peers of a hub: those of its interface, and the Nodes that are no peers, and why.
 *
 * @param nodes undefined while the API cannot be asked: names are those of the ledger then.
 * @param now milliseconds since 1970.
 */
export function hubPeers(
  device: Device | undefined,
  nodes: JudgedNodes | undefined,
  ledger: Pick<Ledger, "keys"> | undefined,
  now: number,
): PeerStatus[] {
  const peers: PeerStatus[] = [];
  const named = new Set<PublicKey>();
  const keys = new Map(
    [...nodes?.judgement.admitted.values() ?? []].map(({ node, publicKey }) => [node, publicKey]),
  );
  const refusals = Map.groupBy(nodes?.judgement.refusals ?? [], ({ node }) => node);
  for (const { node, publicKey: claimed } of nodes?.claims ?? []) {
    const refused = refusals.get(node) ?? [];
    const key = keys.get(node);
    if (key !== undefined) named.add(key);
    const peer = key === undefined ? undefined : device?.peers.get(key);
    peers.push({
      ...(peer ? seenPeer(peer, now) : absentPeer(key ?? claimed, refused)),
      node,
      refusals: refused,
      ...noteOf(key, peer, refused),
    });
  }
  for (const peer of device?.peers.values() ?? []) {
    if (named.has(peer.publicKey)) continue;
    const holder = ledger?.keys.get(peer.publicKey);
    peers.push({
      ...seenPeer(peer, now),
      ...(holder !== undefined && { node: holder }),
      ...(nodes && { note: "no Node is admitted with this key: the hub takes the peer away" }),
    });
  }
  return peers.sort(byNode);
}

function absentPeer(
  publicKey: PublicKey | undefined,
  refusals: readonly Refusal[],
): Omit<PeerStatus, "node" | "refusals" | "note"> {
  return {
    ...(publicKey && { publicKey }),
    state: refusals.some(isOfKey) ? "refused" : "never",
    allowedIPs: [],
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
  };
}

function noteOf(
  key: PublicKey | undefined,
  peer: Peer | undefined,
  refusals: readonly Refusal[],
): Pick<PeerStatus, "note"> {
  if (peer || refusals.some(isOfKey)) return {};
  return {
    note: key === undefined
      ? "has published no key yet"
      : "is not on the interface yet: does the hub run?",
  };
}

function isOfKey({ subject }: Refusal): boolean {
  return subject === "public-key";
}
