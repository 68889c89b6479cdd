import type { Peer } from "../wireguard/device.ts";

/**
 * How it stands with the tunnel to one peer of the site.
 * - `probing`: it has no prefixes, and its keepalive asks for a handshake; all goes through the hub.
 * - `direct`: its prefixes are its own.
 * - `quiet`: it was not heard for too long. It is no peer of the interface, until that moment.
 */
export type SiteLink =
  | { readonly state: "probing"; readonly shaken?: Handshake }
  | { readonly state: "direct"; readonly rxBytes: number; readonly heardAt: number }
  | { readonly state: "quiet"; readonly until: number };

/** A handshake: when it was by the wall clock (ms since 1970), and by the steady one. */
interface Handshake {
  readonly stamp: number;
  readonly at: number;
}

/** The present by two clocks, in ms: one that does not go back, and the wall's, since 1970. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

/**
 * How long after a handshake the prefixes move, in ms. Each end drops what comes by the way that it
 * does not use itself, so both have to change over at one moment; and the handshake is one that both
 * know, to the time that a packet takes. More than the time between two looks, so that each end has
 * seen it by then.
 */
export const SETTLE = 3_000;
/** The time between two looks at a peer without a handshake, in ms. */
export const LOOK = 1_000;
/** A peer that was not heard for so long, in ms, is reached through the hub. */
export const SILENCE = 60_000;
/**
 * How long it then is no peer, in ms. Longer than {@linkcode SILENCE}: where packets pass in one
 * direction alone, the other end hears us until we stop, and goes on dropping what comes from us
 * through the hub. Silence is the one word that it surely understands.
 */
export const QUIET = 90_000;
/** The longest time between two looks at a peer that is heard, in ms. */
const LISTEN = 10_000;
/** A session lives no longer (REJECT_AFTER_TIME of the WireGuard paper), in ms. */
const SESSION_LIFE = 180_000;

/**
 * The next state. Pure: both ends of a tunnel come to the same one from the same packets.
 *
 * @param link the last; undefined for a peer that was not known: then what the interface has counts.
 * @param found the peer as the interface has it; undefined if it has not.
 */
export function nextSiteLink(
  link: SiteLink | undefined,
  found: Peer | undefined,
  now: Moment,
): SiteLink {
  if (!link) {
    const held = found !== undefined && found.allowedIPs.length > 0;
    return held ? heard(found, now) : nextSiteLink({ state: "probing" }, found, now);
  }
  switch (link.state) {
    case "probing": {
      const shaken = handshakeOf(link.shaken, found, now);
      if (!shaken) return { state: "probing" };
      return now.steady >= shaken.at + SETTLE ? heard(found, now) : { state: "probing", shaken };
    }
    case "direct":
      if (found && found.rxBytes !== link.rxBytes) return heard(found, now);
      if (now.steady < link.heardAt + SILENCE) return link;
      return { state: "quiet", until: now.steady + QUIET };
    case "quiet":
      return now.steady < link.until ? link : { state: "probing" };
  }
}

/** In how many ms to look again. */
export function siteLinkDueMs(link: SiteLink, now: Moment): number {
  switch (link.state) {
    case "probing":
      return link.shaken ? Math.max(0, link.shaken.at + SETTLE - now.steady) : LOOK;
    case "direct":
      return Math.max(0, Math.min(LISTEN, link.heardAt + SILENCE - now.steady));
    case "quiet":
      return Math.max(0, link.until - now.steady);
  }
}

function heard(found: Peer | undefined, now: Moment): SiteLink {
  return { state: "direct", rxBytes: found?.rxBytes ?? 0, heardAt: now.steady };
}

/** The wall clock may be set at any time: it only tells how long ago a handshake is that is new to us. */
function handshakeOf(
  known: Handshake | undefined,
  found: Peer | undefined,
  now: Moment,
): Handshake | undefined {
  const stamp = found?.lastHandshake ?? 0;
  if (stamp === 0 || stamp === known?.stamp) return stamp === 0 ? undefined : known;
  const age = Math.max(0, now.wall - stamp);
  return age < SESSION_LIFE ? { stamp, at: now.steady - age } : undefined;
}
