import type { Refusal } from "../contract/refusal.ts";
import type { ApiRequest } from "../kubernetes/api_transport.ts";
import type { Deed } from "../tunnel/deed.ts";

/**
 * Is told what the program does, as it happens, by parts that know nothing of who counts it. Nothing
 * here may wait or throw.
 */
export interface Observer {
  /** A turn of a loop has ended. */
  turn(loop: string, ms: number, ok: boolean): void;
  /** This was done to the tunnel. */
  deeds(deeds: readonly Deed[]): void;
  /** All refusals that hold now. */
  refusals(refusals: readonly Refusal[]): void;
  /** A request to the API server has ended, or its watch has begun. */
  request(request: Pick<ApiRequest, "method" | "path" | "query">, error?: unknown): void;
}

/** Counts nothing. */
export const NO_OBSERVER: Observer = {
  turn: () => {},
  deeds: () => {},
  refusals: () => {},
  request: () => {},
};
