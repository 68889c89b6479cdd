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
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

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
  const lines = [HEAD, ...rows];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  );
}

/** A duration of milliseconds for people; one that is negative by a change of the clock is none. */
export function printAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h`;
}

/** A number of bytes for people. */
export function printBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
