import { delayAfter, sleep as realSleep } from "../backoff.ts";
import type { Notice } from "../contract/refusal.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import type { NodeReport } from "../kubernetes/node_report.ts";
import { Doorbell } from "./doorbell.ts";
import { Refused } from "./publish.ts";
import { RefusalNotices } from "./refusal_notices.ts";

/** The parts of {@linkcode RefusalEvents}. */
export interface RefusalEventsParts {
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

/** The longest wait after a failure, in ms. */
const MAX_BACKOFF = 60_000;

/**
 * Tells the owner of a Node what is refused, where he looks: by an Event, which `kubectl describe
 * node` shows. Apart from the loops: that an Event cannot be written disturbs nothing.
 */
export class RefusalEvents {
  readonly #parts: Required<RefusalEventsParts>;
  readonly #notices = new RefusalNotices();
  readonly #bell: Doorbell;

  constructor(parts: RefusalEventsParts) {
    this.#parts = { now: () => performance.now(), random: Math.random, sleep: realSleep, ...parts };
    this.#bell = new Doorbell(this.#parts.sleep);
  }

  /** Takes all that holds now. */
  update(notices: readonly Notice[]): void {
    this.#notices.update(notices);
    this.#bell.ring();
  }

  /** Writes Events until the signal says stop. Never throws for one that fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { now, random, sleep, onResult } = this.#parts;
    let failures = 0;
    while (!signal.aborted) {
      const next = this.#notices.next(now());
      if (typeof next !== "object") {
        await this.#bell.wait(next, signal);
        continue;
      }
      this.#notices.telling(next, now());
      try {
        await this.#tell(next, signal);
        failures = 0;
        onResult();
      } catch (error) {
        if (signal.aborted) return;
        if (!isOfThisEvent(error)) this.#notices.failed(next);
        onResult(explained(error));
        const delay = { initialMs: 1000, maxMs: MAX_BACKOFF, random };
        await sleep(delayAfter(error, failures++, delay), signal);
      }
    }
  }

  async #tell(notice: Notice, signal: AbortSignal): Promise<void> {
    const { api, hub, node, reporter } = this.#parts;
    const { name, uid } = { name: notice.node, uid: node(notice.node)?.uid };
    if (uid === undefined) return; // it has gone meanwhile
    await api.createEvent({
      node: { name, uid },
      ...said(notice, hub),
      action: "Admit",
      reporter,
      instance: hub,
      at: new Date(),
    }, signal);
  }
}

function said(
  { code, subject, value, reason }: Notice,
  hub: string,
): Pick<NodeReport, "type" | "reason" | "message"> {
  const what = `${subject} ${value}: ${reason}`;
  return code === "host-bits"
    ? { type: "Normal", reason: "ClaimMasked", message: `hub ${hub} masks ${what}` }
    : { type: "Warning", reason: "ClaimRefused", message: `hub ${hub} refuses ${what}` };
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
