import { addressBytes, familyOf } from "../ip/address.ts";
import { bitsOf, type Cidr, cidrParts } from "../ip/cidr.ts";
import type { ResolvedEndpoint } from "../ip/endpoint.ts";
import { Decoder, type Encoder, fixedHeader } from "../netlink/attribute.ts";
import { ADDRESS_FAMILY, decodeAddress, ipFamily } from "../netlink/family.ts";
import { GENERIC_HEADER_BYTES, genericBody } from "../netlink/genetlink.ts";
import { malformed } from "../netlink/system_error.ts";
import type { Device, DeviceConfig, Peer, PeerConfig } from "./device.ts";
import { type PublicKey, publicKeyBytes, publicKeyFromBytes } from "./key.ts";

// The kernel's interface: linux/wireguard.h, whose names are kept here without their prefixes.
const GET_DEVICE = 0;
const SET_DEVICE = 1;
const VERSION = 1;
const DEVICE = { IFNAME: 2, PRIVATE_KEY: 3, LISTEN_PORT: 6, FWMARK: 7, PEERS: 8 } as const;
const PEER = {
  PUBLIC_KEY: 1,
  FLAGS: 3,
  ENDPOINT: 4,
  PERSISTENT_KEEPALIVE_INTERVAL: 5,
  LAST_HANDSHAKE_TIME: 6,
  RX_BYTES: 7,
  TX_BYTES: 8,
  ALLOWEDIPS: 9,
} as const;
const PEER_FLAG = { REMOVE_ME: 1, UPDATE_ONLY: 4 } as const;
const ALLOWEDIP = { FAMILY: 1, IPADDR: 2, CIDR_MASK: 3 } as const;

/**
 * A nested attribute holds 64 kB at most, and all peers of a message are in one. The kernel holds
 * its routing lock while it works on a message: half of that keeps others waiting less.
 */
const MESSAGE_BYTES = 30_000;
/** Upper bounds of what a peer's entry takes without its prefixes, and of one prefix. */
const PEER_BYTES = 128;
const PREFIX_BYTES = 40;

/** A device as the kernel tells it: the private key still as bytes, since deriving from it takes time. */
export interface DeviceReading extends Omit<Device, "privateKey"> {
  /** Absent while the device has no key. */
  readonly privateKey?: Uint8Array<ArrayBuffer>;
}

/** The body that asks for a device, to be sent as a dump. */
export function encodeGetDevice(name: string): Uint8Array {
  return genericBody(GET_DEVICE, VERSION).text(DEVICE.IFNAME, name).bytes();
}

/**
 * Reads the bodies of a dump. The peers of a big device are spread over several messages, and the
 * prefixes of one peer may be too: its entry is then continued by one with the same key.
 *
 * @throws {SystemError} EBADMSG.
 */
export function decodeDevice(bodies: readonly Uint8Array[]): DeviceReading {
  let name = "";
  let privateKey: Uint8Array<ArrayBuffer> | undefined;
  let listenPort = 0;
  let fwmark = 0;
  const peers = new Map<PublicKey, ReadPeer>();
  for (const body of bodies) {
    const attributes = new Decoder(body, GENERIC_HEADER_BYTES);
    while (attributes.next()) {
      switch (attributes.type) {
        case DEVICE.IFNAME:
          name = attributes.text();
          break;
        case DEVICE.PRIVATE_KEY:
          privateKey = decodePrivateKey(attributes.data());
          break;
        case DEVICE.LISTEN_PORT:
          listenPort = attributes.u16();
          break;
        case DEVICE.FWMARK:
          fwmark = attributes.u32();
          break;
        case DEVICE.PEERS:
          decodePeers(attributes.nested(), peers);
          break;
      }
    }
  }
  return { name, listenPort, fwmark, peers, ...(privateKey && { privateKey }) };
}

type ReadPeer = { -readonly [K in keyof Peer]: Peer[K] } & { allowedIPs: Cidr[] };

function decodePrivateKey(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (bytes.length !== 32) throw malformed(`key of ${bytes.length} bytes`);
  return bytes.some((byte) => byte !== 0) ? bytes.slice() : undefined;
}

function decodePeers(list: Decoder, into: Map<PublicKey, ReadPeer>): void {
  while (list.next()) {
    const attributes = list.nested();
    let peer: ReadPeer | undefined;
    while (attributes.next()) {
      if (attributes.type === PEER.PUBLIC_KEY) {
        const publicKey = decodePublicKey(attributes.data());
        peer = into.get(publicKey) ?? emptyPeer(publicKey);
        into.set(publicKey, peer);
      } else if (peer === undefined) {
        throw malformed("peer that does not begin with its key");
      } else {
        decodePeerAttribute(attributes, peer);
      }
    }
  }
}

function decodePeerAttribute(attributes: Decoder, peer: ReadPeer): void {
  switch (attributes.type) {
    case PEER.ENDPOINT: {
      const endpoint = decodeEndpoint(attributes.data());
      if (endpoint) peer.endpoint = endpoint;
      break;
    }
    case PEER.PERSISTENT_KEEPALIVE_INTERVAL:
      peer.persistentKeepalive = attributes.u16();
      break;
    case PEER.LAST_HANDSHAKE_TIME:
      peer.lastHandshake = decodeTime(attributes.data());
      break;
    case PEER.RX_BYTES:
      peer.rxBytes = attributes.u64();
      break;
    case PEER.TX_BYTES:
      peer.txBytes = attributes.u64();
      break;
    case PEER.ALLOWEDIPS:
      decodeAllowedIPs(attributes.nested(), peer.allowedIPs);
      break;
  }
}

function decodePublicKey(bytes: Uint8Array): PublicKey {
  if (bytes.length !== 32) throw malformed(`key of ${bytes.length} bytes`);
  return publicKeyFromBytes(bytes);
}

function emptyPeer(publicKey: PublicKey): ReadPeer {
  const counters = { persistentKeepalive: 0, lastHandshake: 0, rxBytes: 0, txBytes: 0 };
  return { publicKey, allowedIPs: [], ...counters };
}

/** struct sockaddr_in or sockaddr_in6. Undefined for another family: there is none. */
function decodeEndpoint(bytes: Uint8Array): ResolvedEndpoint | undefined {
  const view = fixedHeader(bytes, 4);
  const family = ipFamily(view.getUint16(0, true));
  if (family === undefined) return undefined;
  const [start, end] = family === 4 ? [4, 8] : [8, 24];
  return { host: decodeAddress(family, bytes.subarray(start, end)), port: view.getUint16(2) };
}

/** struct __kernel_timespec: seconds and nanoseconds of 64 bits. @returns whole milliseconds. */
function decodeTime(bytes: Uint8Array): number {
  const view = fixedHeader(bytes, 16);
  const seconds = view.getUint32(0, true) + 2 ** 32 * view.getInt32(4, true);
  return seconds * 1000 + Math.floor(view.getUint32(8, true) / 1e6);
}

function decodeAllowedIPs(list: Decoder, into: Cidr[]): void {
  while (list.next()) {
    const attributes = list.nested();
    let family: number | undefined;
    let address: Uint8Array | undefined;
    let prefixLength: number | undefined;
    while (attributes.next()) {
      if (attributes.type === ALLOWEDIP.FAMILY) family = attributes.u16();
      else if (attributes.type === ALLOWEDIP.IPADDR) address = attributes.data();
      else if (attributes.type === ALLOWEDIP.CIDR_MASK) prefixLength = attributes.u8();
    }
    if (address === undefined || prefixLength === undefined) throw malformed("prefix in parts");
    const known = ipFamily(family ?? 0);
    if (known === undefined || prefixLength > bitsOf(known)) {
      throw malformed(`prefix of family ${family} and length ${prefixLength}`);
    }
    // The kernel keeps prefixes masked: host bits are zero.
    into.push(`${decodeAddress(known, address)}/${prefixLength}` as Cidr);
  }
}

/**
 * The bodies of the messages that tell a device a configuration, to be sent in this order. Settings
 * of the device are in the first alone: the kernel redoes costly work each time it hears them.
 * A peer whose prefixes do not fit is continued in the next. Never is anything replaced as a whole,
 * which would leave prefixes without an owner for a moment.
 */
export function encodeConfig(name: string, config: DeviceConfig): Uint8Array[] {
  const entries = config.peers.flatMap(peerEntries);
  const bodies: Uint8Array[] = [];
  let next = 0;
  do {
    const body = genericBody(SET_DEVICE, VERSION, entries.length > 8 ? MESSAGE_BYTES : 512);
    body.text(DEVICE.IFNAME, name);
    if (bodies.length === 0) encodeSettings(body, config);
    const first = next;
    const fits = () =>
      next < entries.length &&
      (next === first || body.length + groupBytes(entries, next) <= MESSAGE_BYTES);
    if (entries.length > 0) {
      body.nested(DEVICE.PEERS, () => {
        while (fits()) encodePeer(body, entries[next++]!);
      });
    }
    bodies.push(body.bytes());
  } while (next < entries.length);
  return bodies;
}

function encodeSettings(body: Encoder, { privateKey, listenPort, fwmark }: DeviceConfig): void {
  if (privateKey !== undefined) body.data(DEVICE.PRIVATE_KEY, privateKey.bytes());
  if (listenPort !== undefined) body.u16(DEVICE.LISTEN_PORT, listenPort);
  if (fwmark !== undefined) body.u32(DEVICE.FWMARK, fwmark);
}

/**
 * What is told about a peer at once: as many prefixes as fit in a message with the removal behind
 * them. A peer that takes prefixes away and goes is set first, then removed.
 */
function peerEntries(peer: PeerConfig): PeerConfig[] {
  const { publicKey, allowedIPs = [], remove = false, updateOnly = false } = peer;
  const removal: PeerConfig = { publicKey, remove };
  if (remove && allowedIPs.length === 0) return [removal];
  const room = Math.floor((MESSAGE_BYTES - 3 * PEER_BYTES) / PREFIX_BYTES);
  const entries: PeerConfig[] = [{ ...peer, remove: false, allowedIPs: allowedIPs.slice(0, room) }];
  for (let start = room; start < allowedIPs.length; start += room) {
    entries.push({ publicKey, updateOnly, allowedIPs: allowedIPs.slice(start, start + room) });
  }
  return remove ? [...entries, removal] : entries;
}

/** Upper bound of the bytes of an entry, together with the removal of the same peer behind it. */
function groupBytes(entries: readonly PeerConfig[], at: number): number {
  const { publicKey, allowedIPs = [] } = entries[at]!;
  const following = entries[at + 1];
  const removed = following?.remove && following.publicKey === publicKey;
  return PEER_BYTES + PREFIX_BYTES * allowedIPs.length + (removed ? PEER_BYTES : 0);
}

function encodePeer(body: Encoder, peer: PeerConfig): void {
  const { publicKey, remove, updateOnly, endpoint, persistentKeepalive, allowedIPs = [] } = peer;
  const flags = (remove ? PEER_FLAG.REMOVE_ME : 0) | (updateOnly ? PEER_FLAG.UPDATE_ONLY : 0);
  body.nested(0, () => {
    body.data(PEER.PUBLIC_KEY, publicKeyBytes(publicKey));
    if (flags !== 0) body.u32(PEER.FLAGS, flags);
    if (endpoint !== undefined) body.data(PEER.ENDPOINT, encodeEndpoint(endpoint));
    if (persistentKeepalive !== undefined) {
      body.u16(PEER.PERSISTENT_KEEPALIVE_INTERVAL, persistentKeepalive);
    }
    if (allowedIPs.length > 0) {
      body.nested(PEER.ALLOWEDIPS, () => {
        for (const cidr of allowedIPs) encodeAllowedIP(body, cidr);
      });
    }
  });
}

function encodeEndpoint({ host, port }: ResolvedEndpoint): Uint8Array {
  const family = familyOf(host);
  const bytes = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, ADDRESS_FAMILY[family], true);
  view.setUint16(2, port);
  bytes.set(addressBytes(host), family === 4 ? 4 : 8);
  return bytes;
}

function encodeAllowedIP(body: Encoder, cidr: Cidr): void {
  const { address, prefixLength, family } = cidrParts(cidr);
  body.nested(0, () => {
    body.u16(ALLOWEDIP.FAMILY, ADDRESS_FAMILY[family]);
    body.data(ALLOWEDIP.IPADDR, addressBytes(address));
    body.u8(ALLOWEDIP.CIDR_MASK, prefixLength);
  });
}
