import { SESSION } from "../status/peer_state.ts";
import type { NodeNotice } from "./node_notice.ts";

/** A peer as the interface shows it. */
export interface SeenTunnel {
  readonly node: string;
  /** Milliseconds since 1970; 0 if there has been none. */
  readonly lastHandshake: number;
}

/** When it is. */
export interface Moment {
  /** Milliseconds of a clock that does not go back. */
  readonly now: number;
  /** Milliseconds since 1970. */
  readonly wall: number;
}

/** Whether a peer's tunnel is up; `never`: it is not, and has not been since the hub began. */
export type TunnelState = "up" | "down" | "never";

/** How often is looked at all peers, in ms: turns of the loop may be many more. */
const EVERY = 5_000;

interface Entry {
  readonly state: TunnelState;
  readonly lastHandshake: number;
  /** When it last shook hands, on the clock that does not go back. */
  readonly heardAt: number;
  /** The change that is to be told; undefined: it is as it was found. */
  readonly change: "up" | "down" | undefined;
}

/**
 * Which tunnels come up and go down. Up is who shakes hands; down is who has not for as long as a
 * session lasts (3 minutes: a peer that sends anything shakes hands every 2), so a short
 * interruption is none. What a program finds when it begins is nothing new, and a clock that is set
 * changes nothing. Pure.
 *
 * A hub that becomes the active one takes all to be with it, as they were with the hub before: who
 * then does not come is down.
 */
export class TunnelWatch {
  #entries: ReadonlyMap<string, Entry> | undefined;
  #wasActive = false;
  #lookedAt = -Infinity;

  /** Whether it is time to look. */
  isDue({ now }: Moment, isActive: boolean): boolean {
    return now - this.#lookedAt >= EVERY || isActive !== this.#wasActive;
  }

  /** @returns whether there is something else to tell than before. */
  look(tunnels: Iterable<SeenTunnel>, { now, wall }: Moment, isActive: boolean): boolean {
    this.#lookedAt = now;
    const before = this.#entries;
    const hasTakenOver = before !== undefined && isActive && !this.#wasActive;
    const entries = new Map<string, Entry>();
    let differs = isActive !== this.#wasActive;
    for (const { node, lastHandshake } of tunnels) {
      const last = before?.get(node);
      const age = lastHandshake === 0 ? Infinity : Math.max(0, wall - lastHandshake);
      const shook = lastHandshake > 0 && lastHandshake !== last?.lastHandshake;
      const heardAt = !last ? now - age : shook || hasTakenOver ? now : last.heardAt;
      const isUp = now - heardAt <= SESSION;
      const wasSeen = age < Infinity || (last !== undefined && last.state !== "never");
      const state = isUp ? "up" : wasSeen ? "down" : "never";
      const isNew = last ? state !== last.state && !hasTakenOver : before !== undefined && isUp;
      const news = isNew && state !== "never" ? state : last?.change;
      const change = isActive ? news : undefined;
      differs ||= change !== last?.change;
      entries.set(node, { state, lastHandshake, heardAt, change });
    }
    differs ||= entries.size !== (before?.size ?? 0);
    this.#entries = entries;
    this.#wasActive = isActive;
    return differs;
  }

  /** Nobody's tunnel is watched any more. */
  end(): void {
    this.#entries = undefined;
    this.#wasActive = false;
    this.#lookedAt = -Infinity;
  }

  /** Each Node's tunnel as it is now. */
  get states(): ReadonlyMap<string, TunnelState> {
    return new Map([...this.#entries ?? []].map(([node, { state }]) => [node, state]));
  }

  /** What the owners of the Nodes are to be told by this hub. */
  notices(hub: string): NodeNotice[] {
    return [...this.#entries ?? []].flatMap(([node, { change }]) =>
      change === undefined ? [] : [{ node, ...TOLD[change](hub), action: "Watch" }]
    );
  }
}

const TOLD = {
  up: (hub: string) => ({
    type: "Normal",
    reason: "TunnelUp",
    message: `hub ${hub}: the tunnel is up`,
    once: true,
  } as const),
  down: (hub: string) => ({
    type: "Warning",
    reason: "TunnelDown",
    message: `hub ${hub}: no handshake for 3 minutes; on the machine, wg-spoke doctor tells more`,
  } as const),
};
