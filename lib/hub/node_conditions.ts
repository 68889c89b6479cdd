import { sleep as realSleep } from "../backoff.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import {
  type ConditionState,
  type NodeCondition,
  readCondition,
  writeCondition,
} from "../kubernetes/node_condition.ts";
import { ConditionQueue, type DueCondition } from "./condition_queue.ts";
import { deliver, type Delivery } from "./deliver.ts";
import { Doorbell } from "../reconcile/doorbell.ts";
import { Refused } from "../reconcile/publish.ts";
import type { TunnelState } from "./tunnel_watch.ts";

/** The parts of {@linkcode NodeConditions}. */
export interface NodeConditionsParts {
  readonly api: Pick<ApiClient, "send">;
  /** The Node on which the hub runs. */
  readonly hub: string;
  /** Told of each that could not be written, and of the next that could (undefined). */
  onResult(error?: unknown): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
  /** Milliseconds since 1970; default: Date.now. */
  readonly wall?: () => number;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}, which is the default. */
  readonly sleep?: typeof realSleep;
}

/**
 * Says on each peer's Node whether its tunnel is up, by a condition. Apart from the loops: that one
 * cannot be written disturbs nothing.
 */
export class NodeConditions {
  readonly #parts: Required<NodeConditionsParts>;
  readonly #queue = new ConditionQueue();
  readonly #bell: Doorbell;

  constructor(parts: NodeConditionsParts) {
    const time = { now: () => performance.now(), wall: Date.now, sleep: realSleep };
    this.#parts = { ...time, random: Math.random, ...parts };
    this.#bell = new Doorbell(this.#parts.sleep);
  }

  /** Takes how all tunnels are; undefined: another hub is the active one, and says it. */
  update(tunnels: ReadonlyMap<string, TunnelState> | undefined): void {
    const { hub } = this.#parts;
    const wanted = tunnels &&
      new Map([...tunnels].map(([node, state]) => [node, conditionOf(state, hub)]));
    this.#queue.update(wanted);
    this.#bell.ring();
  }

  /** Writes conditions until the signal says stop. Never throws for one that fails. */
  async run(signal: AbortSignal): Promise<void> {
    const { now, onResult } = this.#parts;
    const delivery: Delivery<DueCondition> = {
      next: (now) => this.#queue.next(now),
      send: async (due) => {
        this.#queue.trying(due, now());
        this.#queue.done(due, await this.#write(due, signal), now());
      },
      onResult: (error) => onResult(explained(error)),
    };
    await deliver(delivery, this.#bell, this.#parts, signal);
  }

  /** @returns what the Node says now; undefined if it has no such condition, or is not there. */
  async #write(
    { node, wanted, last }: DueCondition,
    signal: AbortSignal,
  ): Promise<NodeCondition | undefined> {
    const { api, wall } = this.#parts;
    try {
      const before = wanted && (last ?? await readCondition(api, node, signal));
      const since = before && before.status === wanted?.status ? before.since : wall();
      const condition = wanted && { ...wanted, since, saidAt: wall() };
      await writeCondition(api, node, condition, signal);
      return condition;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }
}

function conditionOf(state: TunnelState, hub: string): ConditionState {
  if (state === "up") {
    return { status: "True", reason: "Handshake", message: `hub ${hub} shakes hands with it` };
  }
  const [reason, since] = state === "down"
    ? ["NoHandshake", "for 3 minutes"]
    : ["NeverConnected", "yet"];
  return { status: "False", reason, message: `hub ${hub} has had no handshake with it ${since}` };
}

function explained(error: unknown): unknown {
  const refusedBy = error instanceof ApiError ? error.refusedBy : undefined;
  if (refusedBy !== "rbac" && refusedBy !== "policy") return error;
  const remedy = refusedBy === "rbac"
    ? "apply deploy/components/node-condition"
    : "an admission policy of the cluster forbids it: compare it with deploy/policy";
  return new Refused(`may not set the condition of Nodes: ${remedy}`, { cause: error });
}
