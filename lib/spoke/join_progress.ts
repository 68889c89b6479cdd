import { sleep } from "../backoff.ts";

/** How far a spoke has come. */
export interface JoinFacts {
  /** Whether the credential could be read. */
  readonly hasCredential: boolean;
  /** Whether the own Node says all that it should. */
  readonly isRegistered: boolean;
  /** The Node of the hub in use, if it is known. */
  readonly hub: string | undefined;
  /** Milliseconds since 1970; 0 or undefined if the hub has not answered yet. */
  readonly lastHandshake: number | undefined;
}

/** How far that is: whether nothing is left to wait for, and a line for people. */
export interface JoinProgress {
  readonly joined: boolean;
  readonly text: string;
}

/** A session lives no longer (REJECT_AFTER_TIME of the WireGuard paper), in ms. */
const SESSION_LIFE = 180_000;

/** How far a spoke has come on its way into the cluster. @param now Milliseconds since 1970. */
export function joinProgress(facts: JoinFacts, now: number): JoinProgress {
  const { hasCredential, isRegistered, hub, lastHandshake = 0 } = facts;
  const alive = now - lastHandshake < SESSION_LIFE;
  const waits = !hasCredential
    ? "waiting for the kubelet's credential"
    : !isRegistered
    ? "waiting to register on the own node"
    : hub === undefined
    ? "waiting for a hub"
    : alive
    ? undefined
    : `waiting for an answer of ${hub}`;
  const tunnel = alive ? "the tunnel is up" : "the interface is up";
  if (waits === undefined) return { joined: true, text: `joined by ${hub}` };
  return { joined: false, text: `${tunnel}, ${waits}` };
}

/**
 * Waits until the spoke has joined.
 *
 * @param limitMs how long at most. @param look called about once a second: what {@linkcode joinProgress} is told should be fresh.
 * @returns what it still waits for at the end, or undefined.
 */
export async function untilJoined(
  progress: () => JoinProgress,
  look: () => void,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const end = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  while (!progress().joined && !end.aborted) {
    look();
    await sleep(1000, end);
  }
  const { joined, text } = progress();
  return joined ? undefined : text;
}
