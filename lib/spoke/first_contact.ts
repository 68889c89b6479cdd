/** How long a hub has, in ms, to make a peer of the spoke whose registration it has just been told of. */
const HUBS_SHARE = 500;
/** How long, in ms, a registration that does not come about is waited for: perhaps the hub knows us. */
const PATIENCE = 30_000;

/**
 * When a spoke that has no hub yet may call the first one it finds. A hub drops the handshake of a
 * spoke that it does not know, and WireGuard repeats one after 5 s at the earliest (REKEY_TIMEOUT of
 * its paper), so a call that comes a moment too soon costs 5 s. A spoke that had a hub before calls
 * it at once, as after a reboot. Times are in ms of one clock.
 */
export class FirstContact {
  #due: number;
  #isRegistered = false;

  /** @param hadHub whether this machine has had a hub, by its interface or by its disk. */
  constructor(hadHub: boolean) {
    this.#due = hadHub ? -Infinity : Infinity;
  }

  /**
   * In how many ms the hub may be called; 0: now.
   *
   * @param isFound a hub has been found. @param isRegistered the own Node says all that it should.
   */
  waitMs(isFound: boolean, isRegistered: boolean, now: number): number {
    if (isFound && this.#due === Infinity) this.#due = now + PATIENCE;
    if (isRegistered && !this.#isRegistered) this.#due = Math.min(this.#due, now + HUBS_SHARE);
    this.#isRegistered ||= isRegistered;
    return Math.max(0, this.#due - now);
  }
}
