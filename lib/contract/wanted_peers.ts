import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeer, WantedPeers } from "../wireguard/plan_device.ts";
import type { AdmittedPeer } from "./admission.ts";

/** An admitted peer is the same object until something of it changes; so is what follows from it. */
const WANTED = new WeakMap<AdmittedPeer, WantedPeer>();

/** The admitted peers as an interface is to have them: the hub sends no keepalives. */
export function wantedPeers(admitted: ReadonlyMap<PublicKey, AdmittedPeer>): WantedPeers {
  const wanted = new Map<PublicKey, WantedPeer>();
  for (const [publicKey, peer] of admitted) {
    let known = WANTED.get(peer);
    if (!known) WANTED.set(peer, known = wantedPeer(peer));
    wanted.set(publicKey, known);
  }
  return wanted;
}

function wantedPeer({ publicKey, endpoint, strayed, allowedIPs }: AdmittedPeer): WantedPeer {
  return {
    publicKey,
    ...(endpoint && { endpoint }),
    ...(strayed && { strayed }),
    persistentKeepalive: 0,
    allowedIPs,
  };
}
