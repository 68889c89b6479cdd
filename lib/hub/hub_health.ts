import type { Condition, HealthState } from "../health.ts";
import { loopCondition } from "../health.ts";

/** What the hub's health is judged by, as it is now. */
export interface HubSigns {
  /** When the loop that keeps the tunnel last finished a turn, and now: ms of one clock. */
  readonly lastTurn: number;
  readonly now: number;
  /** Whether the tunnel has become what is wanted at least once. */
  readonly tunnelUp: boolean;
  /** Whether all peers have been listed once. */
  readonly peersListed: boolean;
  /** Whether the hubs have been listed once. */
  readonly hubsListed: boolean;
  /** Whether this hub is the active one. */
  readonly isActive: boolean;
  /** What keeps the hub from being found by spokes; undefined if nothing. */
  readonly unpublished: string | undefined;
}

/** A turn that takes longer than this, in ms, is stuck: a restart may mend it. */
const STUCK = 120_000;

/** Answers liveness from the loop alone, and readiness from what the hub is there for. */
export function hubHealth(signs: () => HubSigns): HealthState {
  return {
    livez: () => {
      const { lastTurn, now } = signs();
      return [loopCondition(lastTurn, now, STUCK)];
    },
    readyz: () => {
      const { tunnelUp, peersListed, hubsListed, isActive, unpublished } = signs();
      return [
        condition("tunnel", tunnelUp ? undefined : "the interface is not set up yet"),
        condition("peers-listed", peersListed ? undefined : "the Nodes have not been listed yet"),
        condition("hubs-listed", hubsListed ? undefined : "the hubs have not been listed yet"),
        condition("published", unpublished),
        { name: "duty", ok: true, reason: isActive ? "the active hub" : "stands by" },
      ];
    },
  };
}

/** Answers while another hub has this node: there is nothing that a restart would mend. */
export const WAITING_HEALTH: HealthState = {
  livez: () => [],
  readyz: () => [condition("lock", "another hub runs on this node: waiting until it has ended")],
};

function condition(name: string, fault: string | undefined): Condition {
  return fault === undefined ? { name, ok: true } : { name, ok: false, reason: fault };
}
