import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { Hub } from "./active_hub.ts";

/** The peers of a spoke: the active hub alone. */
export function hubPeer(
  hub: Hub,
  endpoint: ResolvedEndpoint,
  prefixes: readonly Cidr[],
  persistentKeepalive: number,
): WantedPeers {
  const { publicKey } = hub;
  return new Map([[publicKey, { publicKey, endpoint, persistentKeepalive, allowedIPs: prefixes }]]);
}
