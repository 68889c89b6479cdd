import { printAge, printBytes } from "../../lib/status/print_quantity.ts";
import { textTable } from "../../lib/status/text_table.ts";

/** A peer of the hub's interface, as far as the table shows it. */
export interface PeerRow {
  /** The Node whose key it is; absent if no Node has it. */
  readonly node?: string;
  /** `IP:port`. */
  readonly endpoint?: string;
  readonly allowedIPs: readonly string[];
  /** Milliseconds since 1970; 0 if there has been none. */
  readonly lastHandshake: number;
  readonly rxBytes: number;
  readonly txBytes: number;
}

const HEAD = ["NODE", "ENDPOINT", "ALLOWED IPS", "HANDSHAKE", "RECEIVED", "SENT"];

/**
 * The peers as lines of a table, in the order of their Nodes.
 *
 * @param now milliseconds since 1970.
 */
export function peerTable(peers: readonly PeerRow[], now: number): string[] {
  const rows = peers.map((peer) => [
    peer.node ?? "(none)",
    peer.endpoint ?? "(none)",
    peer.allowedIPs.join(" ") || "(none)",
    peer.lastHandshake === 0 ? "never" : `${printAge(now - peer.lastHandshake)} ago`,
    printBytes(peer.rxBytes),
    printBytes(peer.txBytes),
  ]).sort(([a], [b]) => a! < b! ? -1 : 1);
  return textTable([HEAD, ...rows]);
}
