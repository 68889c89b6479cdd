import { type Cidr, type InterfaceAddress, parseCidr, parseInterfaceAddress } from "../ip/cidr.ts";
import { isResolved, parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../ip/endpoint.ts";
import {
  parsePrivateKey,
  parsePublicKey,
  printPrivateKey,
  type PrivateKey,
  type PublicKey,
} from "./key.ts";
import type { WantedPeer } from "./plan_device.ts";

/** What the file says of this end, as far as it is read back. */
export interface QuickConfig {
  readonly addresses: readonly InterfaceAddress[];
  readonly peers: readonly WantedPeer[];
}

/** What the file says of this end, as far as it is written. */
export interface PrintableConfig extends QuickConfig {
  readonly privateKey: PrivateKey;
  readonly listenPort: number;
  readonly mtu: number;
}

/**
 * The configuration in wg-quick(8)'s format. Only parsed values are printed, so that nothing a Node
 * says can add a line to it. The text holds the private key: mode 0600.
 */
export function printQuickConfig(config: PrintableConfig): string {
  const addresses = config.addresses.map(({ address, prefixLength }) =>
    `${address}/${prefixLength}`
  );
  return [
    "# Written by wg-kube: the last configuration that worked.",
    "[Interface]",
    `PrivateKey = ${printPrivateKey(config.privateKey).trim()}`,
    `Address = ${addresses.join(", ")}`,
    `ListenPort = ${config.listenPort}`,
    `MTU = ${config.mtu}`,
    ...config.peers.flatMap(printPeer),
    "",
  ].join("\n");
}

/** The interface's private key in a file of that format; undefined if there is none. */
export async function quickPrivateKey(text: string): Promise<PrivateKey | undefined> {
  const [, value] = /^\s*PrivateKey\s*=\s*(\S+)/im.exec(text) ?? [];
  return value === undefined ? undefined : await parsePrivateKey(value);
}

function printPeer(peer: WantedPeer): string[] {
  return [
    "",
    "[Peer]",
    `PublicKey = ${peer.publicKey}`,
    ...(peer.allowedIPs.length > 0 ? [`AllowedIPs = ${peer.allowedIPs.join(", ")}`] : []),
    ...(peer.endpoint ? [`Endpoint = ${printEndpoint(peer.endpoint)}`] : []),
    ...(peer.persistentKeepalive > 0 ? [`PersistentKeepalive = ${peer.persistentKeepalive}`] : []),
  ];
}

/**
 * Reads back a file of that format. Tolerant: what it cannot read it leaves out, a peer without a
 * key as a whole; commands (PostUp and its like) are never read. The private key is left to its own
 * file.
 */
export function parseQuickConfig(text: string): QuickConfig {
  const addresses: InterfaceAddress[] = [];
  const peers: Map<string, string>[] = [];
  let section: "interface" | "peer" | undefined;
  for (const line of text.split("\n").map((line) => line.replace(/#.*/, "").trim())) {
    const header = /^\[(\w+)\]$/.exec(line)?.[1]?.toLowerCase();
    if (header !== undefined) {
      section = header === "interface" || header === "peer" ? header : undefined;
      if (section === "peer") peers.push(new Map());
      continue;
    }
    const [, name, value] = /^(\w+)\s*=\s*(.+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    if (section === "peer") setField(peers.at(-1)!, name.toLowerCase(), value);
    else if (section === "interface" && name.toLowerCase() === "address") {
      addresses.push(...list(value, parseInterfaceAddress));
    }
  }
  return { addresses, peers: peers.flatMap(readPeer) };
}

/** A later line stands for an earlier one, but AllowedIPs add up, as wg(8) has it. */
function setField(fields: Map<string, string>, name: string, value: string): void {
  const earlier = name === "allowedips" ? fields.get(name) : undefined;
  fields.set(name, earlier === undefined ? value : `${earlier},${value}`);
}

function readPeer(fields: ReadonlyMap<string, string>): WantedPeer[] {
  const publicKey: PublicKey | undefined = parsePublicKey(fields.get("publickey") ?? "");
  if (!publicKey) return [];
  const endpoint = resolved(fields.get("endpoint"));
  const keepalive = Number(fields.get("persistentkeepalive"));
  const allowedIPs: Cidr[] = list(fields.get("allowedips") ?? "", parseCidr);
  return [{
    publicKey,
    ...(endpoint && { endpoint }),
    persistentKeepalive: Number.isInteger(keepalive) && keepalive >= 0 && keepalive < 65536
      ? keepalive
      : 0,
    allowedIPs,
  }];
}

function resolved(text: string | undefined): ResolvedEndpoint | undefined {
  const endpoint = text === undefined ? undefined : parseEndpoint(text);
  return endpoint && isResolved(endpoint) ? endpoint : undefined;
}

function list<Value>(text: string, parse: (piece: string) => Value | undefined): Value[] {
  return text.split(",").flatMap((piece) => parse(piece.trim()) ?? []);
}
