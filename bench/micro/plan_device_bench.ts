/**
 * What one more peer costs the hub's planning, for interfaces of 5 to 5,000 peers: the growth is the
 * figure to look at. What kernel and API add is not in it.
 */
import type { Cidr } from "../../lib/ip/cidr.ts";
import { applyConfig } from "../../lib/wireguard/apply_config.ts";
import type { Device } from "../../lib/wireguard/device.ts";
import { generatePrivateKey, publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import { planDevice, type WantedDevice, type WantedPeer } from "../../lib/wireguard/plan_device.ts";

const privateKey = await generatePrivateKey();
const NOW = 1_800_000_000_000;

/** The peer of that number, with three prefixes. */
function peer(number: number): WantedPeer {
  const bytes = new Uint8Array(32).fill(1);
  new DataView(bytes.buffer).setUint32(0, number);
  const low = `${(number >> 8) & 255}.${number & 255}`;
  const allowedIPs = [`100.97.${low}/32`, `10.${low}.0/24`, `fd00:${number.toString(16)}::/64`];
  return {
    publicKey: publicKeyFromBytes(bytes),
    persistentKeepalive: 0,
    allowedIPs: allowedIPs as Cidr[],
  };
}

function wantedOf(peers: number): WantedDevice {
  const all = Array.from({ length: peers }, (_, number) => peer(number + 1));
  return {
    privateKey,
    listenPort: 51820,
    fwmark: 0,
    peers: new Map(all.map((one) => [one.publicKey, one])),
  };
}

for (const peers of [5, 100, 1000, 5000]) {
  const before = wantedOf(peers);
  const after = wantedOf(peers + 1);
  const none: Device = { name: "wg0", listenPort: 0, fwmark: 0, peers: new Map() };
  const found = applyConfig(none, planDevice(before, none, undefined, NOW)!);
  Deno.bench(`plan one more peer beside ${peers}`, { group: "plan" }, () => {
    const config = planDevice(after, found, before.peers, NOW);
    if (config?.peers.length !== 1) throw new Error("one change is wanted");
  });
}
