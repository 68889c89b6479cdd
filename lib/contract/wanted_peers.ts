import type { PublicKey } from "../wireguard/key.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { AdmittedPeer } from "./admission.ts";

/** The admitted peers as an interface is to have them: the hub sends no keepalives. */
export function wantedPeers(admitted: ReadonlyMap<PublicKey, AdmittedPeer>): WantedPeers {
  return new Map(
    [...admitted].map(([publicKey, { endpoint, strayed, allowedIPs }]) => [publicKey, {
      publicKey,
      ...(endpoint && { endpoint }),
      ...(strayed && { strayed }),
      persistentKeepalive: 0,
      allowedIPs,
    }]),
  );
}
