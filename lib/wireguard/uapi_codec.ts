import { type Cidr, parseCidr } from "../ip/cidr.ts";
import { isResolved, parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import { malformed } from "../netlink/system_error.ts";
import type { DeviceConfig, Peer, PeerConfig } from "./device.ts";
import type { DeviceReading } from "./netlink_codec.ts";
import { type PublicKey, publicKeyBytes, publicKeyFromBytes } from "./key.ts";

// The cross-platform userspace interface, https://www.wireguard.com/xplatform/: lines `key=value`,
// keys in hexadecimal, a blank line at the end.

/** The request that asks for everything. */
export const GET_REQUEST = "get=1\n\n";

/** A reply as far as both requests have it in common. */
export interface UapiReply {
  /** 0 is success. Some programs give the number negative, as the kernel does. */
  readonly errno: number;
  /** The lines before the error number, key and value. */
  readonly lines: readonly (readonly [key: string, value: string])[];
}

/** Characters. A reply longer than this is no reply (5,000 peers take about 2 MB). */
const REPLY_LIMIT = 1 << 26;

/**
 * Reads a reply up to the blank line that ends it, in whatever pieces it comes: the program keeps
 * the connection open for more requests.
 *
 * @throws {SystemError} EBADMSG if it breaks off or does not end.
 */
export async function readReply(
  connection: { read(into: Uint8Array): Promise<number | null> },
): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  while (!text.endsWith("\n\n")) {
    const length = await connection.read(buffer);
    if (length === null) throw malformed("reply that breaks off");
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
    if (text.length > REPLY_LIMIT) throw malformed("reply without end");
  }
  return text;
}

/** Splits a reply. @throws {SystemError} EBADMSG. Its text never shows: the private key is in it. */
export function parseReply(text: string): UapiReply {
  const lines: [string, string][] = [];
  for (const line of text.trimEnd().split("\n")) {
    const equals = line.indexOf("=");
    if (equals < 1) throw malformed("line without a key");
    lines.push([line.slice(0, equals), line.slice(equals + 1)]);
  }
  const [key, value] = lines.pop()!;
  if (key !== "errno") throw malformed("reply without an error number");
  return { errno: Math.abs(integer(value, -0x8000_0000, 0x7fff_ffff)), lines };
}

/**
 * The device of a reply's lines; lines of unknown keys are skipped, as the protocol asks.
 *
 * @throws {SystemError} EBADMSG.
 */
export function decodeUapiDevice(name: string, lines: UapiReply["lines"]): DeviceReading {
  let [listenPort, fwmark] = [0, 0];
  let privateKey: Uint8Array<ArrayBuffer> | undefined;
  const peers = new Map<PublicKey, ReadPeer>();
  let peer: ReadPeer | undefined;
  for (const [key, value] of lines) {
    if (key === "public_key") {
      const publicKey = publicKeyFromBytes(keyBytes(value));
      const counters = { persistentKeepalive: 0, lastHandshake: 0, rxBytes: 0, txBytes: 0 };
      peer = peers.get(publicKey) ?? { publicKey, allowedIPs: [], ...counters };
      peers.set(publicKey, peer);
    } else if (peer !== undefined) {
      decodePeerLine(key, value, peer);
    } else if (key === "private_key") {
      const bytes = keyBytes(value);
      if (bytes.some((byte) => byte !== 0)) privateKey = bytes;
    } else if (key === "listen_port") {
      listenPort = integer(value, 0, 0xffff);
    } else if (key === "fwmark") {
      fwmark = integer(value, 0, 0xffff_ffff);
    }
  }
  return { name, listenPort, fwmark, peers, ...(privateKey && { privateKey }) };
}

type ReadPeer = { -readonly [K in keyof Peer]: Peer[K] } & { allowedIPs: Cidr[] };

function decodePeerLine(key: string, value: string, peer: ReadPeer): void {
  switch (key) {
    case "endpoint":
      peer.endpoint = endpoint(value);
      break;
    case "persistent_keepalive_interval":
      peer.persistentKeepalive = integer(value, 0, 0xffff);
      break;
    case "allowed_ip":
      peer.allowedIPs.push(prefix(value));
      break;
    case "last_handshake_time_sec":
      peer.lastHandshake += 1000 * integer(value, 0, 2 ** 42);
      break;
    case "last_handshake_time_nsec":
      peer.lastHandshake += Math.floor(integer(value, 0, 999_999_999) / 1e6);
      break;
    case "rx_bytes":
      peer.rxBytes = integer(value, 0, Number.MAX_SAFE_INTEGER);
      break;
    case "tx_bytes":
      peer.txBytes = integer(value, 0, Number.MAX_SAFE_INTEGER);
      break;
  }
}

/** The request that tells a device a configuration. Never is anything replaced as a whole. */
export function encodeUapiConfig({ privateKey, listenPort, fwmark, peers }: DeviceConfig): string {
  const lines = ["set=1"];
  if (privateKey !== undefined) lines.push(`private_key=${privateKey.bytes().toHex()}`);
  if (listenPort !== undefined) lines.push(`listen_port=${listenPort}`);
  if (fwmark !== undefined) lines.push(`fwmark=${fwmark}`);
  for (const peer of peers) pushPeer(lines, peer);
  return `${lines.join("\n")}\n\n`;
}

function pushPeer(lines: string[], peer: PeerConfig): void {
  const { publicKey, remove, updateOnly, endpoint, persistentKeepalive, allowedIPs = [] } = peer;
  const begin = `public_key=${publicKeyBytes(publicKey).toHex()}`;
  if (!remove || allowedIPs.length > 0) {
    lines.push(begin);
    if (updateOnly) lines.push("update_only=true");
    if (endpoint !== undefined) lines.push(`endpoint=${printEndpoint(endpoint)}`);
    if (persistentKeepalive !== undefined) {
      lines.push(`persistent_keepalive_interval=${persistentKeepalive}`);
    }
    for (const cidr of allowedIPs) lines.push(`allowed_ip=${cidr}`);
  }
  // After `remove` the program ignores further lines of that peer: it stands behind the prefixes.
  if (remove) lines.push(begin, "remove=true");
}

function keyBytes(hex: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) throw malformed("key that is not 64 hexadecimal digits");
  return Uint8Array.fromHex(hex);
}

function integer(text: string, least: number, most: number): number {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) throw malformed("number out of its range");
  return value;
}

/** A zone (`fe80::1%eth0`) is left out: our addresses have none. */
function endpoint(text: string): ResolvedEndpoint {
  const parsed = parseEndpoint(text.replace(/%[^\]]*/, ""));
  if (parsed === undefined || !isResolved(parsed)) throw malformed("endpoint that is none");
  return parsed;
}

function prefix(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw malformed("prefix that is none");
  return parsed;
}
