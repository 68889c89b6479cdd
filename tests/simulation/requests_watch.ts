import type { Verb } from "./api_session.ts";
import { Violation } from "./violation.ts";

/** The most requests of a process in any minute, and why so many. One that is made twice for a 401 is one. */
export const BOUNDS: Readonly<Record<Verb, number>> = {
  list: 90, // five that list, each with full jitter below 15 s, and one list more after a 410
  watch: 120, // the same, and a watch that breaks after 5 s was a good one
  get: 170, // a Node without allowed-ips is asked for each 3 s as long as it has no answer: 7 Nodes
  patch: 45, // one loop that backs off, and somebody who edits the own Node
  event: 90, // a burst of 25, and one each second
};

const MINUTE = 60_000;

/** Counts the requests of one process. */
export class RequestsWatch {
  readonly #at: Record<Verb, number[]> = { list: [], watch: [], get: [], patch: [], event: [] };

  /** @param now milliseconds. @throws {Violation} */
  requested(verb: Verb, now: number): void {
    const times = this.#at[verb];
    times.push(now);
    while (times[0]! < now - MINUTE) times.shift();
    if (times.length > BOUNDS[verb]) {
      throw new Violation("requests", `${times.length} requests to ${verb} within a minute`);
    }
  }
}
