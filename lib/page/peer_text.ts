import { printEndpoint } from "../ip/endpoint.ts";
import { printAge } from "../status/print_quantity.ts";
import type { PeerStatus } from "../status/status_report.ts";

/** The states of a peer, the one that most needs a look first. */
export const STATES = ["refused", "stale", "never", "up"] as const;

/** What a peer is called: its Node, or its key where no Node is known to have that. */
export function nameOf({ node, publicKey }: PeerStatus): string {
  return node ?? publicKey ?? "unknown";
}

/** The id of a peer's row: the same in every view, of letters that need no escape anywhere. */
export function rowIdOf(peer: PeerStatus): string {
  const safe = nameOf(peer).replaceAll(
    /[^A-Za-z0-9.-]/gu,
    (character) => `_${character.codePointAt(0)!.toString(16)}_`,
  );
  return `peer-${safe}`;
}

/** How long ago it shook hands. */
export function handshakeOf({ lastHandshake }: PeerStatus, now: number): string {
  return lastHandshake === 0 ? "never" : `${printAge(now - lastHandshake)} ago`;
}

/** Where it is reached, and what is routed to it. */
export function placesOf({ endpoint, allowedIPs }: PeerStatus): string[] {
  return [...(endpoint ? [printEndpoint(endpoint)] : []), ...allowedIPs];
}
