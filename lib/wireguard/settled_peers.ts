import { printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { Device } from "./device.ts";
import type { PublicKey } from "./key.ts";
import type { WantedPeer, WantedPeers } from "./plan_device.ts";

/**
 * The peers whose endpoints are settled: what their Nodes say was written once, or the peer has
 * shaken hands, from wherever it is, since the interface was taken over. Only for them is another
 * endpoint on the Node news; for the others it may have stood there all the time.
 *
 * @param before those that were settled before this configuration; undefined at the first.
 * @param adoptedAt when the interface was made or taken over, in ms since 1970.
 */
export function settledPeers(
  wanted: WantedPeers,
  device: Device,
  before: WantedPeers | undefined,
  adoptedAt: number,
): Map<PublicKey, WantedPeer> {
  return new Map([...wanted].flatMap(([key, peer]) => {
    const last = before?.get(key);
    if (!peer.endpoint) return last ? [[key, last]] : []; // its name may not be resolved yet
    const found = device.peers.get(key);
    const settled = same(peer.endpoint, found?.endpoint) || same(peer.endpoint, last?.endpoint) ||
      (found?.lastHandshake ?? 0) > adoptedAt;
    return settled ? [[key, peer]] : [];
  }));
}

function same(a: ResolvedEndpoint, b: ResolvedEndpoint | undefined): boolean {
  return b !== undefined && printEndpoint(a) === printEndpoint(b);
}
