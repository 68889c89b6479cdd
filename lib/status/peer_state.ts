/** How a peer does, by its handshakes. */
export type PeerState = "up" | "stale" | "never";

/**
 * The session of a handshake serves for so long at most, in ms (REJECT_AFTER_TIME of WireGuard's
 * paper, section 6.1). A peer that sends anything, be it keepalives, makes a new one after 120 s.
 */
export const SESSION = 180_000;

/**
 * The state of a peer that last shook hands at that time.
 *
 * @param lastHandshake and `now`: milliseconds since 1970; 0 if there has been none.
 */
export function peerState(lastHandshake: number, now: number): PeerState {
  if (lastHandshake === 0) return "never";
  return now - lastHandshake <= SESSION ? "up" : "stale";
}
