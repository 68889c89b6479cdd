import { type Cidr, cidrContains } from "../ip/cidr.ts";
import { printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import type { Device, DeviceConfig, Peer, PeerConfig } from "./device.ts";
import { type PrivateKey, type PublicKey, ZERO_KEY } from "./key.ts";

/** A WireGuard interface as it should be. */
export interface WantedDevice {
  readonly privateKey: PrivateKey;
  readonly listenPort: number;
  /** 0 is none. */
  readonly fwmark: number;
  /** Absent while it is not known who the peers are: those that are there then stay as they are. */
  readonly peers?: WantedPeers;
}

/** The peers by their keys. No prefix may stand with two of them. */
export type WantedPeers = ReadonlyMap<PublicKey, WantedPeer>;

/** A peer as it should be. */
export interface WantedPeer {
  readonly publicKey: PublicKey;
  /** Where it says that it is reached; absent if it must speak first. */
  readonly endpoint?: ResolvedEndpoint;
  /** Whatever endpoint it has been given by its packets is wrong: write that of above over it. */
  readonly strayed?: boolean;
  /** Seconds; 0 is off. */
  readonly persistentKeepalive: number;
  readonly allowedIPs: readonly Cidr[];
}

/** A session is dead this long after its handshake (REJECT_AFTER_TIME of the WireGuard paper), in ms. */
const SESSION_LIFE = 180_000;

/**
 * What to tell the interface so that `found` becomes `wanted`, or undefined if nothing.
 *
 * No other peer and no prefix that stays loses a packet on the way: prefixes are added, and so
 * taken from whoever had them, before anything is removed; a peer is narrowed by giving what it
 * loses to a throw-away peer that is removed with it, never by replacing its prefixes (between the
 * kernel's clearing and re-adding, a kept prefix has no owner). What lies within a wider prefix that
 * the same peer is to have stays with it: it changes nothing, and a throw-away peer would take its
 * packets for a moment.
 *
 * Linux 6.16 can also take a single prefix away (WGALLOWEDIP_F_REMOVE_ME). It is not used: kernels
 * before it refuse the whole message, so that it had to be probed for, and the throw-away peer loses
 * as little on every kernel, in one message however many prefixes there are.
 *
 * An endpoint is written when the interface has none for the peer, or when what its Node says has
 * changed since it was settled (settled_peers.ts). Otherwise it may have been learned from the peer's
 * packets, and that is the kernel's business: for a peer that is not settled, because the interface
 * has only been taken over, it is written over only when the session is dead.
 *
 * @param now Milliseconds since 1970.
 */
export function planDevice(
  wanted: WantedDevice,
  found: Device,
  settled: WantedPeers | undefined,
  now: number,
): DeviceConfig | undefined {
  const peers = wanted.peers ? planPeers(wanted.peers, found, settled, now) : [];
  const key = wanted.privateKey.publicKey !== found.privateKey?.publicKey;
  const port = wanted.listenPort !== found.listenPort;
  const mark = wanted.fwmark !== found.fwmark;
  if (!key && !port && !mark && peers.length === 0) return undefined;
  return {
    ...(key && { privateKey: wanted.privateKey }),
    ...(port && { listenPort: wanted.listenPort }),
    ...(mark && { fwmark: wanted.fwmark }),
    peers,
  };
}

function planPeers(
  wanted: WantedPeers,
  found: Device,
  settled: WantedPeers | undefined,
  now: number,
): PeerConfig[] {
  const owners = new Map<Cidr, PublicKey>();
  for (const peer of wanted.values()) {
    for (const cidr of peer.allowedIPs) owners.set(cidr, peer.publicKey);
  }
  const given: PeerConfig[] = [];
  for (const peer of wanted.values()) {
    const before = found.peers.get(peer.publicKey);
    const change = planPeer(peer, before, settled?.get(peer.publicKey), now);
    if (change) given.push(change);
  }
  const orphans: Cidr[] = [];
  const removed: PeerConfig[] = [];
  for (const peer of found.peers.values()) {
    const kept = wanted.get(peer.publicKey)?.allowedIPs;
    if (!kept) {
      removed.push({ publicKey: peer.publicKey, remove: true });
      continue;
    }
    orphans.push(...peer.allowedIPs.filter((cidr) => !owners.has(cidr) && !covers(kept, cidr)));
  }
  const thrown = orphans.length === 0
    ? []
    : [{ publicKey: ZERO_KEY, allowedIPs: orphans, remove: true }];
  return [...given, ...thrown, ...removed];
}

/** Whether one of the prefixes is a wider one. */
function covers(wide: readonly Cidr[], narrow: Cidr): boolean {
  return wide.some((cidr) => cidrContains(cidr, narrow));
}

function planPeer(
  wanted: WantedPeer,
  found: Peer | undefined,
  settled: WantedPeer | undefined,
  now: number,
): PeerConfig | undefined {
  const had = new Set(found?.allowedIPs);
  const allowedIPs = wanted.allowedIPs.filter((cidr) => !had.has(cidr));
  const endpoint = endpointToWrite(wanted, found, settled, now);
  const keepalive = wanted.persistentKeepalive !== (found?.persistentKeepalive ?? 0);
  if (found && allowedIPs.length === 0 && !endpoint && !keepalive) return undefined;
  return {
    publicKey: wanted.publicKey,
    ...(found && { updateOnly: true }),
    ...(endpoint && { endpoint }),
    ...(keepalive && { persistentKeepalive: wanted.persistentKeepalive }),
    ...(allowedIPs.length > 0 && { allowedIPs }),
  };
}

function endpointToWrite(
  wanted: WantedPeer,
  found: Peer | undefined,
  settled: WantedPeer | undefined,
  now: number,
): ResolvedEndpoint | undefined {
  if (!wanted.endpoint) return undefined;
  if (!found?.endpoint) return wanted.endpoint;
  const text = printEndpoint(wanted.endpoint);
  if (text === printEndpoint(found.endpoint)) return undefined;
  const news = settled?.endpoint
    ? text !== printEndpoint(settled.endpoint)
    : now - found.lastHandshake > SESSION_LIFE;
  return news || wanted.strayed ? wanted.endpoint : undefined;
}
