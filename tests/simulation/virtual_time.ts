import { setImmediate } from "node:timers";
import type { Clock } from "../../lib/clock.ts";

interface Timer {
  readonly id: number;
  readonly due: number;
  /** Undefined once it is cleared. */
  fire: (() => void) | undefined;
}

/**
 * A clock that jumps from timer to timer. While it is installed, `setTimeout`, `clearTimeout`,
 * `performance.now`, `Date.now` and `Math.random` are its own: loops run as they are, and no one waits.
 */
export class VirtualTime implements Disposable {
  /** Milliseconds since the beginning. */
  now = 0;
  /** The same for whoever is given a clock. */
  readonly clock: Clock;
  /** How far the clock on the wall is ahead of the time that has passed, in ms. */
  #ahead: number;
  /** Sorted by when they are due; those that were cleared are still among them. */
  #timers: Timer[] = [];
  readonly #pending = new Map<number, Timer>();
  #lastId = 0;
  readonly #restore: () => void;

  /**
   * @param epoch milliseconds since 1970 at the beginning.
   * @param random what Math.random is meanwhile.
   */
  constructor(epoch: number, random: () => number) {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = performance;
    const dateNow = Date.now;
    const mathRandom = Math.random;
    this.#ahead = epoch;
    this.clock = { now: () => this.now, wall: () => this.#ahead + this.now, random };
    Object.assign(globalThis, {
      setTimeout: (fire: () => void, ms = 0) => this.#set(fire, ms),
      clearTimeout: (id?: number) => this.#clear(id),
    });
    performance.now = this.clock.now;
    Date.now = this.clock.wall;
    Math.random = random;
    this.#restore = () => {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      performance.now = now;
      Date.now = dateNow;
      Math.random = mathRandom;
    };
  }

  [Symbol.dispose](): void {
    this.#restore();
  }

  /** Somebody sets the clock on the wall, forward or back. No time passes. */
  jump(ms: number): void {
    this.#ahead += ms;
  }

  /** Lets that many milliseconds pass, firing each timer when it is due and letting it have its effects. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    while (this.#timers.length > 0 && this.#timers[0]!.due <= end) {
      const { id, due, fire } = this.#timers.shift()!;
      if (!fire) continue;
      this.#pending.delete(id);
      this.now = Math.max(this.now, due);
      fire();
      await settle();
    }
    this.now = end;
  }

  #set(fire: () => void, ms: number): number {
    const timer = { id: ++this.#lastId, due: this.now + Math.max(0, ms), fire };
    let at = this.#timers.length;
    while (at > 0 && this.#timers[at - 1]!.due > timer.due) at--;
    this.#timers.splice(at, 0, timer);
    this.#pending.set(timer.id, timer);
    return timer.id;
  }

  #clear(id: number | undefined): void {
    const timer = this.#pending.get(id ?? 0);
    if (!timer) return;
    timer.fire = undefined;
    this.#pending.delete(timer.id);
  }
}

/** Ends when no promise has anything left to do. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
