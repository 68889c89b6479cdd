import type { HubChoice } from "../contract/active_hub.ts";
import type { Claim } from "../contract/claim.ts";
import type { Refusal } from "../contract/refusal.ts";
import type { Device } from "../wireguard/device.ts";
import { byNode, seenPeer } from "./seen_peer.ts";
import type { PeerStatus } from "./status_report.ts";

/**
 * The peers of a spoke: those of its interface, and the active hub if it is none of them.
 *
 * @param choice undefined while the API cannot be asked.
 * @param others what the Nodes say that may be peers of this site.
 * @param refusals what the active hub asks this machine to route, and is not followed in.
 * @param now milliseconds since 1970.
 */
export function spokePeers(
  device: Device | undefined,
  choice: HubChoice | undefined,
  others: readonly Claim[],
  refusals: readonly Refusal[],
  now: number,
): PeerStatus[] {
  const claims = [...others, ...choice?.claims ?? []]; // a hub's word counts before another's
  const nodes = new Map(claims.map(({ publicKey, node }) => [publicKey, node]));
  const peers = [...device?.peers.values() ?? []].map((peer): PeerStatus => {
    const node = nodes.get(peer.publicKey);
    return {
      ...seenPeer(peer, now),
      ...(node !== undefined && { node }),
      refusals: refusals.filter((refusal) => refusal.node === node),
    };
  });
  const hub = choice?.hub;
  if (hub && !device?.peers.has(hub.publicKey)) {
    peers.push({
      node: hub.node,
      publicKey: hub.publicKey,
      state: "never",
      allowedIPs: [],
      lastHandshake: 0,
      rxBytes: 0,
      txBytes: 0,
      refusals,
      note: "is the active hub, and not on the interface yet: does the spoke run?",
    });
  }
  return peers.sort(byNode);
}
