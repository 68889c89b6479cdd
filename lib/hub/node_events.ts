import { sleep as realSleep } from "../backoff.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import { deliver, type Delivery } from "./deliver.ts";
import { Doorbell } from "../reconcile/doorbell.ts";
import type { NodeNotice } from "./node_notice.ts";
import { NoticeQueue } from "./notice_queue.ts";
import { Refused } from "../reconcile/publish.ts";

/** The parts of {@linkcode NodeEvents}. */
export interface NodeEventsParts {
  readonly api: Pick<ApiClient, "createEvent">;
  /** Who tells: a qualified name such as `wireguard.kube/hub`. */
  readonly reporter: string;
  /** The Node on which it runs. */
  readonly hub: string;
  /** The Node of that name, if it is still there. */
  node(name: string): Pick<NodeView, "uid"> | undefined;
  /** Told of each Event that could not be written, and of the next that could (undefined). */
  onResult(error?: unknown): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}, which is the default. */
  readonly sleep?: typeof realSleep;
}

/**
 * Tells the owner of a Node what concerns it, where he looks: by an Event, which `kubectl describe
 * node` shows. Apart from the loops: that an Event cannot be written disturbs nothing.
 */
export class NodeEvents {
  readonly #parts: Required<NodeEventsParts>;
  readonly #queue = new NoticeQueue();
  readonly #bell: Doorbell;

  constructor(parts: NodeEventsParts) {
    this.#parts = { now: () => performance.now(), random: Math.random, sleep: realSleep, ...parts };
    this.#bell = new Doorbell(this.#parts.sleep);
  }

  /**
   * Takes all that holds now.
   *
   * @param by who says so: each tells all of its own.
   */
  update(by: string, notices: readonly NodeNotice[]): void {
    this.#queue.update(by, notices);
    this.#bell.ring();
  }

  /** Writes Events until the signal says stop. Never throws for one that fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { now, node, onResult } = this.#parts;
    const delivery: Delivery<NodeNotice> = {
      next: (now) => this.#queue.next(now, (name) => node(name) !== undefined),
      send: async (notice) => {
        this.#queue.telling(notice, now());
        try {
          await this.#tell(notice, signal);
        } catch (error) {
          if (!signal.aborted && !isOfThisEvent(error)) this.#queue.failed(notice);
          throw error;
        }
      },
      onResult: (error) => onResult(explained(error)),
    };
    await deliver(delivery, this.#bell, this.#parts, signal);
  }

  async #tell(
    { node: name, type, reason, message, action }: NodeNotice,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, hub, node, reporter } = this.#parts;
    const uid = node(name)?.uid;
    if (uid === undefined) return;
    await api.createEvent({
      node: { name, uid },
      type,
      reason,
      message,
      action,
      reporter,
      instance: hub,
      at: new Date(),
    }, signal);
  }
}

/** Whether another Event might be taken where this one was not: it is not tried again. */
function isOfThisEvent(error: unknown): boolean {
  return error instanceof ApiError && [400, 404, 413, 422].includes(error.status);
}

function explained(error: unknown): unknown {
  return error instanceof ApiError && error.refusedBy === "rbac"
    ? new Refused(`may not create Events: apply deploy/rbac.yaml (${error.message})`, {
      cause: error,
    })
    : error;
}
