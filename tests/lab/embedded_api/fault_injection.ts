/** What is to go wrong with a request. Without `when`, with any. */
export interface Fault {
  readonly when?: (request: Request) => boolean;
  /** How many requests it strikes. Default 1. */
  readonly times?: number;
  /** Wait so long before anything else, in ms. */
  readonly delayMs?: number;
  /** Answer with this status instead of doing what is asked. */
  readonly status?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
  /** Never answer (until {@linkcode FaultInjection.heal}). */
  readonly hang?: boolean;
  /** Break the connection in the middle of the answer. */
  readonly cut?: boolean;
}

/** The faults that wait for their requests, in order. */
export class FaultInjection {
  #waiting: { readonly fault: Fault; left: number }[] = [];
  #healed = Promise.withResolvers<void>();

  /** Arranges a fault. */
  inject(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  /** Takes all faults away, and lets the requests that hang go on. */
  heal(): void {
    this.#waiting = [];
    this.#healed.resolve();
    this.#healed = Promise.withResolvers<void>();
  }

  /** The fault that strikes this request. */
  take(request: Request): Fault | undefined {
    const entry = this.#waiting.find(({ fault }) => fault.when?.(request) ?? true);
    if (entry !== undefined && --entry.left <= 0) {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    }
    return entry?.fault;
  }

  /** Waits for {@linkcode FaultInjection.heal}, at most so long. */
  async untilHealed(ms = Infinity): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      if (Number.isFinite(ms)) timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#healed.promise, limit]);
    clearTimeout(timer);
  }
}
