/** Time and chance as a program has them; passed in, so that a simulated program has others. */
export interface Clock {
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number;
  /** Milliseconds since 1970, by a clock that people set. */
  readonly wall: () => number;
  /** As Math.random. */
  readonly random: () => number;
}

/** Those of this machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wall: Date.now,
  random: Math.random,
};
