import type { Peer } from "../wireguard/device.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { PeerEndpoints } from "../wireguard/peer_endpoints.ts";
import type { WantedPeer, WantedPeers } from "../wireguard/plan_device.ts";

/** How long peers have to answer before their keepalive is what it should be again, in ms. */
const PATIENCE = 2_000;
/** Seconds: the least that there is, since the first keepalive is what starts the handshake. */
const KEEPALIVE = 1;
/** A peer whose last handshake was known to be older than this, in ms, is not awaited: it is asleep. */
const AWAKE = 300_000;

/**
 * Brings tunnels back after their interface had to be made again or has another port, after somebody
 * else removed a peer, and when one comes back that was a peer no more (its Node was deleted and
 * created again). A hub that
 * has forgotten where a peer is cannot begin, and the peer does not until its own timers run out (15
 * to 135 s). So where each peer was is remembered, and put back with a keepalive, which begins the
 * handshake at once. A moment later the keepalive is taken away again. Times are in ms since 1970.
 */
export class Revival {
  #known: ReadonlyMap<PublicKey, Peer> = new Map();
  #reviving: { peers: ReadonlyMap<PublicKey, Peer>; until?: number } | undefined;
  /** Peers no more, and awake when they were last: as long as they would be awaited. */
  #departed: ReadonlyMap<PublicKey, Peer> = new Map();

  /** Takes where peers were when another program ended. Before the interface is read for the first time. */
  recall(endpoints: PeerEndpoints, now: number): void {
    const unknown = { persistentKeepalive: 0, allowedIPs: [], rxBytes: 0, txBytes: 0 };
    this.#known = new Map([...endpoints].map(([publicKey, endpoint]) => [
      publicKey,
      { ...unknown, publicKey, endpoint, lastHandshake: now },
    ]));
  }

  /** Takes the peers of the interface as it was read; an interface that was just made has none. */
  remember(peers: ReadonlyMap<PublicKey, Peer>): void {
    const lost = [...this.#known].filter(([key]) => !peers.has(key));
    this.#known = new Map([...peers].map(([key, peer]) => [key, this.#withPast(peer)]));
    if (lost.length === 0) return;
    const earlier = this.#reviving?.peers ?? [];
    this.#reviving = { peers: new Map([...earlier, ...lost]) };
  }

  /**
   * Calls all peers: the interface is about to have another port, which they learn from the first
   * packet that comes from it.
   */
  callAll(peers: ReadonlyMap<PublicKey, Peer>): void {
    if (peers.size === 0) return;
    this.#reviving = { peers: new Map([...peers, ...this.#reviving?.peers ?? []]) };
  }

  /** A peer that is lost again while it is called: what it was before that counts. */
  #withPast(peer: Peer): Peer {
    const past = this.#reviving?.peers.get(peer.publicKey);
    if (!past) return peer;
    const lastHandshake = Math.max(peer.lastHandshake, past.lastHandshake);
    return { ...peer, lastHandshake, persistentKeepalive: past.persistentKeepalive };
  }

  /**
   * The peers as the interface is to have them for now.
   *
   * @param wanted as they should be; if that is not known, the lost ones become what they were.
   * @param found as they are: an endpoint that is there is newer than what is remembered.
   */
  peers(
    wanted: WantedPeers | undefined,
    found: ReadonlyMap<PublicKey, Peer>,
    now: number,
  ): WantedPeers | undefined {
    if (wanted) this.#welcome(wanted, found, now);
    const reviving = this.#reviving;
    if (!reviving) return wanted;
    const rest = wanted ?? asTheyWere(reviving.peers, found);
    const called = [...reviving.peers].filter(([key]) => rest.has(key));
    if (called.length > 0) reviving.until ??= now + PATIENCE;
    if (wanted) reviving.peers = new Map(called); // the others are peers no more
    const until = reviving.until ?? (wanted ? now : Infinity);
    if (now < until && !wentBack(reviving.until, now)) {
      return new Map([...rest].map(([key, peer]) => {
        const known = reviving.peers.get(key);
        return [key, known ? awaited(peer, known, found.get(key), now) : peer];
      }));
    }
    if (wanted) this.#reviving = undefined;
    return rest;
  }

  /** Remembers those that are wanted no more, and awaits those of them that are wanted again. */
  #welcome(wanted: WantedPeers, found: ReadonlyMap<PublicKey, Peer>, now: number): void {
    const back = [...this.#departed].filter(([key]) => wanted.has(key) && !found.has(key));
    if (back.length > 0) {
      this.#reviving = { peers: new Map([...this.#reviving?.peers ?? [], ...back]) };
    }
    const all = [...this.#reviving?.peers ?? [], ...this.#departed, ...found];
    this.#departed = new Map(
      all.filter(([key, peer]) => !wanted.has(key) && isAwake(peer, now)),
    );
  }

  /** Whether nobody is called at present. */
  get isIdle(): boolean {
    return this.#reviving === undefined;
  }

  /** In how many ms the keepalives are to be put right; undefined if they are. */
  waitMs(now: number): number | undefined {
    const until = this.#reviving?.until;
    return until !== undefined && now < until && !wentBack(until, now) ? until - now : undefined;
  }
}

/** Whether the clock has gone back since then: nobody is awaited for as long as that. */
function wentBack(until: number | undefined, now: number): boolean {
  return until !== undefined && until - now > PATIENCE;
}

/** Whether it is known where it is, and it was there lately. */
function isAwake({ endpoint, lastHandshake }: Peer, now: number): boolean {
  return endpoint !== undefined && now - lastHandshake <= AWAKE;
}

function awaited(
  wanted: WantedPeer,
  known: Peer,
  found: Peer | undefined,
  now: number,
): WantedPeer {
  if (!isAwake(known, now)) return wanted;
  return {
    ...wanted,
    ...(!found?.endpoint && known.endpoint && { endpoint: known.endpoint }),
    persistentKeepalive: wanted.persistentKeepalive || KEEPALIVE,
  };
}

/**
 * The peers that are lost, and those that are there, which keep what they have: somebody may have
 * given them what a lost one had. Of a lost one without prefixes too little is known.
 */
function asTheyWere(
  lost: ReadonlyMap<PublicKey, Peer>,
  found: ReadonlyMap<PublicKey, Peer>,
): WantedPeers {
  const taken = new Set([...found.values()].flatMap((peer) => peer.allowedIPs));
  const known = [...lost]
    .map(([key, peer]) => {
      const allowedIPs = peer.allowedIPs.filter((cidr) => !taken.has(cidr));
      return [key, { ...peer, allowedIPs }] as const;
    })
    .filter(([, { allowedIPs }]) => allowedIPs.length > 0);
  return new Map([...known, ...found].map(([key, peer]) => [key, asBefore(peer, lost.get(key))]));
}

/** A peer as it is, but for the keepalive by which it may just be called. */
function asBefore(
  { publicKey, endpoint, persistentKeepalive, allowedIPs }: Peer,
  past: Peer | undefined,
): WantedPeer {
  return {
    publicKey,
    ...(endpoint && { endpoint }),
    persistentKeepalive: past?.persistentKeepalive ?? persistentKeepalive,
    allowedIPs,
  };
}
