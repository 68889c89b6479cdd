import type { Cidr } from "../ip/cidr.ts";
import type { Device, DeviceConfig, Peer, PeerConfig } from "./device.ts";
import type { PublicKey } from "./key.ts";

/**
 * The interface after a configuration, as the kernel does it (set_peer in
 * drivers/net/wireguard/netlink.c): a prefix has one owner, and whoever is given it takes it from
 * the other; removing a peer, or changing one that must exist, is no error if it does not; the
 * interface's own key is no peer.
 *
 * So what the kernel holds is known without reading it back after each change.
 */
export function applyConfig(found: Device, config: DeviceConfig): Device {
  const peers = new Map(found.peers);
  const privateKey = config.privateKey ?? found.privateKey;
  if (privateKey) peers.delete(privateKey.publicKey);
  const owners = ownersOf(peers);
  for (const change of config.peers) {
    if (change.publicKey !== privateKey?.publicKey) applyPeer(peers, owners, change);
  }
  return {
    ...found,
    ...(privateKey && { privateKey }),
    listenPort: config.listenPort ?? found.listenPort,
    fwmark: config.fwmark ?? found.fwmark,
    peers,
  };
}

/** Which peer holds each prefix. */
export function ownersOf(peers: ReadonlyMap<PublicKey, Peer>): Map<Cidr, PublicKey> {
  const owners = new Map<Cidr, PublicKey>();
  for (const peer of peers.values()) {
    for (const cidr of peer.allowedIPs) owners.set(cidr, peer.publicKey);
  }
  return owners;
}

function applyPeer(
  peers: Map<PublicKey, Peer>,
  owners: Map<Cidr, PublicKey>,
  change: PeerConfig,
): void {
  const { publicKey } = change;
  const before = peers.get(publicKey);
  if (!before && (change.updateOnly || (change.remove && !change.allowedIPs))) return;
  const added = [...new Set(change.allowedIPs)].filter((cidr) => owners.get(cidr) !== publicKey);
  for (const cidr of added) {
    const holder = peers.get(owners.get(cidr)!);
    if (holder) {
      peers.set(holder.publicKey, {
        ...holder,
        allowedIPs: holder.allowedIPs.filter((held) => held !== cidr),
      });
    }
    owners.set(cidr, publicKey);
  }
  const peer = before ?? newPeer(publicKey);
  const after: Peer = {
    ...peer,
    ...(change.endpoint && { endpoint: change.endpoint }),
    persistentKeepalive: change.persistentKeepalive ?? peer.persistentKeepalive,
    allowedIPs: [...peer.allowedIPs, ...added],
  };
  if (!change.remove) {
    peers.set(publicKey, after);
    return;
  }
  peers.delete(publicKey);
  for (const cidr of after.allowedIPs) owners.delete(cidr);
}

function newPeer(publicKey: PublicKey): Peer {
  return {
    publicKey,
    persistentKeepalive: 0,
    allowedIPs: [],
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
  };
}
