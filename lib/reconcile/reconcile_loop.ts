import { delayAfter, sleep as realSleep } from "../backoff.ts";
import { Doorbell } from "./doorbell.ts";

/** What one turn of the loop is told. */
export interface Turn {
  /** Read everything back, rather than trust what is remembered of the last turn. */
  readonly readBack: boolean;
  readonly signal: AbortSignal;
}

/** The parts of a {@linkcode ReconcileLoop}. */
export interface LoopParts {
  /** Looks at everything and puts right what differs. May say in how many ms to look again. */
  turn(turn: Turn): Promise<number | undefined | void>;
  /** Told of each turn that failed, and of the first that succeeds after that (undefined). */
  onResult(error?: unknown): void;
  /** Told of every turn: how long it took, in ms, and whether it succeeded. */
  onTurn?(ms: number, ok: boolean): void;
  /** The longest time between two readings of everything, in ms. */
  readonly resyncMs: number;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}, which is the default. */
  readonly sleep?: typeof realSleep;
}

/** The shortest time between two turns, in ms: events that come in bursts share one. */
const COALESCE = 5;

/** The shortest time between two readings for the kernel's notifications, in ms: routes can flap. */
const BETWEEN_READINGS = 500;

/**
 * One loop, one turn at a time. Whatever happens (a Node changes, the kernel notifies, a timer) only
 * marks the loop: the next turn looks at everything afresh. A turn that fails is tried again with
 * growing, jittered delays, and then reads everything back.
 */
export class ReconcileLoop {
  readonly #parts: Required<LoopParts>;
  #marked = true;
  readonly #bell = new Doorbell();
  #lastTurn: number;
  #readBackDue = -Infinity;
  #lastReadBack = -Infinity;

  constructor(parts: LoopParts) {
    const time = { now: () => performance.now(), random: Math.random, sleep: realSleep };
    this.#parts = { ...time, onTurn: () => {}, ...parts };
    this.#lastTurn = this.#parts.now();
  }

  /** When the loop last finished a turn, on its own clock. */
  get lastTurn(): number {
    return this.#lastTurn;
  }

  /** Something may have changed: look again. */
  mark = (): void => {
    this.#marked = true;
    this.#bell.ring();
  };

  /** Somebody may have changed the kernel's state: read it back, soon, and look again. */
  markKernel = (): void => {
    this.#readBackDue = Math.min(this.#readBackDue, this.#lastReadBack + BETWEEN_READINGS);
    this.#bell.ring();
  };

  /** Turns until the signal says stop. Never throws for a turn's failure. */
  async run(signal: AbortSignal): Promise<void> {
    const { resyncMs, now, random, sleep } = this.#parts;
    let failures = 0;
    let lookAgain = Infinity;
    while (!signal.aborted) {
      const limit = Math.min(this.#readBackDue, lookAgain);
      if (!this.#marked && limit > now()) {
        await this.#bell.wait(limit - now(), signal);
        continue;
      }
      await sleep(COALESCE, signal);
      if (signal.aborted) return;
      this.#marked = false;
      const readBack = failures > 0 || now() >= this.#readBackDue;
      if (readBack) {
        this.#lastReadBack = now();
        this.#readBackDue = this.#lastReadBack + resyncMs;
      }
      const begin = now();
      try {
        const wait = await this.#parts.turn({ readBack, signal });
        this.#parts.onTurn(now() - begin, true);
        lookAgain = typeof wait === "number" ? now() + wait : Infinity;
        if (failures > 0) this.#parts.onResult();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#parts.onTurn(now() - begin, false);
        this.#parts.onResult(error);
        const policy = { initialMs: 200, maxMs: 15_000, random };
        await sleep(delayAfter(error, failures++, policy), signal);
        this.#marked = true;
      }
      this.#lastTurn = now();
    }
  }
}
