import { delayAfter, sleep } from "../backoff.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { TokenBucket } from "../token_bucket.ts";
import { Doorbell } from "./doorbell.ts";

/** The parts of {@linkcode OwnEvents}. */
export interface OwnEventsParts {
  readonly api: Pick<ApiClient, "createEvent">;
  /** Who tells: a qualified name such as `wireguard.kube/hub`. */
  readonly reporter: string;
  /** The Node on which it runs, if it is known and there. */
  node(): Pick<NodeView, "name" | "uid"> | undefined;
  /** Told of each Event that could not be written, and of the next that could (undefined). */
  onResult(error?: unknown): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
}

/** How often: what is told may come and go. */
const RATE = { capacity: 5, everyMs: 60_000 };
/** The longest wait after a failure, in ms. */
const MAX_BACKOFF = 60_000;

/**
 * Tells on the own Node what an administrator should know of it, by Events: each thing once, until it
 * changes or is over. Apart from the loops: that an Event cannot be written disturbs nothing.
 */
export class OwnEvents {
  readonly #parts: Required<OwnEventsParts>;
  /** What holds now, by reason; and of that, what was told. */
  readonly #texts = new Map<string, string>();
  readonly #told = new Map<string, string>();
  readonly #bucket = new TokenBucket(RATE);
  readonly #bell = new Doorbell();

  constructor(parts: OwnEventsParts) {
    this.#parts = { now: () => performance.now(), random: Math.random, ...parts };
  }

  /**
   * Takes what holds now; undefined: nothing of that kind, or no more.
   *
   * @param reason the kind, one word in CamelCase.
   */
  say(reason: string, text: string | undefined): void {
    if (text !== undefined) this.#texts.set(reason, text);
    else {
      this.#texts.delete(reason);
      this.#told.delete(reason);
    }
    this.#bell.ring();
  }

  /** Writes Events until the signal says stop. Never throws for one that fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { now, random, onResult } = this.#parts;
    let failures = 0;
    while (!signal.aborted) {
      const node = this.#parts.node();
      const next = [...this.#texts].find(([reason, text]) => this.#told.get(reason) !== text);
      const wait = this.#bucket.waitMs(now());
      if (!node || !next || wait > 0) {
        await this.#bell.wait(node && next && wait, signal);
        continue;
      }
      this.#bucket.take(now());
      try {
        await this.#tell(node, ...next, signal);
        const [reason, text] = next;
        if (this.#texts.has(reason)) this.#told.set(reason, text);
        failures = 0;
        onResult();
      } catch (error) {
        if (signal.aborted) return;
        onResult(error);
        const delay = { initialMs: 1000, maxMs: MAX_BACKOFF, random };
        await sleep(delayAfter(error, failures++, delay), signal);
      }
    }
  }

  async #tell(
    node: Pick<NodeView, "name" | "uid">,
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#parts.api.createEvent({
      node: { name: node.name, uid: node.uid },
      type: "Warning",
      reason,
      message,
      action: "Publish",
      reporter: this.#parts.reporter,
      instance: node.name,
      at: new Date(),
    }, signal);
  }
}
