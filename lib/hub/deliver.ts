import { delayAfter, type sleep as realSleep } from "../backoff.ts";
import type { Doorbell } from "../reconcile/doorbell.ts";

/** Time and chance of a {@linkcode deliver}. */
export interface DeliveryTime {
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: typeof realSleep;
}

/** What a {@linkcode deliver} is about. */
export interface Delivery<Item extends object> {
  /** What is due; else in how many ms something will be, or undefined if nothing is left. */
  next(now: number): Item | number | undefined;
  /** Hands it over. What it throws is told, and followed by a wait. */
  send(item: Item, signal: AbortSignal): Promise<void>;
  /** Told of each that could not be handed over, and of the next that could (undefined). */
  onResult(error?: unknown): void;
}

/** The longest wait after a failure, in ms. */
const MAX_BACKOFF = 60_000;

/**
 * Hands over what a queue says is due, one after the other, until the signal says stop; the bell tells
 * that the queue has changed. Never throws for one that fails.
 */
export async function deliver<Item extends object>(
  { next, send, onResult }: Delivery<Item>,
  bell: Doorbell,
  { now, random, sleep }: DeliveryTime,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const item = next(now());
    if (typeof item !== "object") {
      await bell.wait(item, signal);
      continue;
    }
    try {
      await send(item, signal);
      failures = 0;
      onResult();
    } catch (error) {
      if (signal.aborted) return;
      onResult(error);
      const policy = { initialMs: 1000, maxMs: MAX_BACKOFF, random };
      await sleep(delayAfter(error, failures++, policy), signal);
    }
  }
}
