import type { Peer } from "../wireguard/device.ts";
import { peerState } from "./peer_state.ts";
import type { PeerStatus } from "./status_report.ts";

/**
 * A peer as the interface shows it.
 *
 * @param now milliseconds since 1970.
 */
export function seenPeer(
  { publicKey, endpoint, allowedIPs, lastHandshake, rxBytes, txBytes }: Peer,
  now: number,
): PeerStatus {
  return {
    publicKey,
    state: peerState(lastHandshake, now),
    ...(endpoint && { endpoint }),
    allowedIPs,
    lastHandshake,
    rxBytes,
    txBytes,
    refusals: [],
  };
}

/** The order of a status: by Node, those of none behind by their keys. */
export function byNode(a: PeerStatus, b: PeerStatus): number {
  const rank = ({ node, publicKey }: PeerStatus) => node ?? `\uffff${publicKey ?? ""}`;
  return rank(a) < rank(b) ? -1 : 1;
}
