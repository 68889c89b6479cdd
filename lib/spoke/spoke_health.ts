import { type HealthState, loopCondition } from "../health.ts";
import type { JoinProgress } from "./join_progress.ts";

/** What a spoke's health is judged by, as it is now. */
export interface SpokeSigns {
  /** How long ago the loop that keeps the tunnel last finished a turn, in ms. */
  readonly idleMs: number;
  readonly progress: JoinProgress;
}

/**
 * Answers liveness from the loop alone, and readiness from whether the hub answers.
 *
 * @param stuckMs a turn that takes longer is stuck: a restart may mend it.
 */
export function spokeHealth(signs: () => SpokeSigns, stuckMs: number): HealthState {
  return {
    livez: () => [loopCondition(0, signs().idleMs, stuckMs)],
    readyz: () => {
      const { joined, text } = signs().progress;
      return [{ name: "joined", ok: joined, reason: text }];
    },
  };
}
