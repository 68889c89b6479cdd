import { printEndpoint } from "../ip/endpoint.ts";
import type { DeviceConfig } from "../wireguard/device.ts";
import { type PublicKey, ZERO_KEY } from "../wireguard/key.ts";

/** One thing that was done. */
export interface Deed {
  readonly text: string;
  readonly peer?: PublicKey;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a configuration does to the interface of that name, for the log: a line a change. */
export function deedsOf(config: DeviceConfig, name: string): Deed[] {
  const { privateKey, listenPort, fwmark } = config;
  const settings = { publicKey: privateKey?.publicKey, listenPort, fwmark };
  const set = Object.values(settings).some((value) => value !== undefined);
  return [
    ...(set ? [{ text: "WireGuard set", fields: { interface: name, ...settings } }] : []),
    ...config.peers.map((peer): Deed => {
      const allowedIPs = peer.allowedIPs?.join(",");
      if (peer.publicKey === ZERO_KEY) {
        return { text: "prefixes taken away", fields: { allowedIPs } };
      }
      const what = peer.remove ? "removed" : peer.updateOnly ? "changed" : "added";
      const endpoint = peer.endpoint && printEndpoint(peer.endpoint);
      return { text: `peer ${what}`, peer: peer.publicKey, fields: { endpoint, allowedIPs } };
    }),
  ];
}
