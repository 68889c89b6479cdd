/** How long to wait between attempts. */
export interface BackoffPolicy {
  /** The bound of the first delay, in ms. It doubles with each failure. */
  readonly initialMs: number;
  /** The bound that no delay exceeds, in ms. */
  readonly maxMs: number;
  /** 0 (inclusive) to 1 (exclusive), as Math.random. */
  random(): number;
}

/**
 * The delay before the next attempt, in ms: anything between 0 and a bound that doubles with each
 * failure ("full jitter"), so that many nodes that lost one server do not come back all at once.
 *
 * @param failures how many attempts failed before: 0 for the first delay.
 */
export function backoffDelay(failures: number, policy: BackoffPolicy): number {
  const bound = Math.min(policy.maxMs, policy.initialMs * 2 ** Math.max(0, failures));
  return policy.random() * bound;
}

/**
 * The delay before the next attempt after that error, in ms: as long as the other side has asked for,
 * and a {@linkcode backoffDelay} on top.
 */
export function delayAfter(error: unknown, failures: number, policy: BackoffPolicy): number {
  return askedDelay(error) + backoffDelay(failures, policy);
}

/** How long the other side wants to be left alone, in ms: `retryAfterMs`, where an ApiError bears it. */
export function askedDelay(error: unknown): number {
  if (!(error instanceof Error) || !("retryAfterMs" in error)) return 0;
  return typeof error.retryAfterMs === "number" ? error.retryAfterMs : 0;
}

/** Waits `ms` milliseconds, or until the signal is aborted. Never rejects: the caller looks at the signal. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, ms)); // of less than nothing the runtime warns
    signal.addEventListener("abort", done);
  });
}
