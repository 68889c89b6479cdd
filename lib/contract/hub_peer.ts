import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import type { Cidr } from "../ip/cidr.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import type { Hub } from "./active_hub.ts";

/** How a spoke is to speak to its hub. */
export interface HubPeerSettings {
  readonly endpoint: ResolvedEndpoint;
  readonly prefixes: readonly Cidr[];
  /** Seconds; 0 is off. */
  readonly persistentKeepalive: number;
  /** It does not answer where its packets last came from: go back to where it says that it is. */
  readonly silent: boolean;
}

/** The peers of a spoke: the active hub alone. */
export function hubPeer(
  { publicKey }: Pick<Hub, "publicKey">,
  { endpoint, prefixes, persistentKeepalive, silent }: HubPeerSettings,
): WantedPeers {
  const peer = { publicKey, endpoint, persistentKeepalive, allowedIPs: prefixes };
  return new Map([[publicKey, { ...peer, ...(silent && { strayed: true }) }]]);
}
