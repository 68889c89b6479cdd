import type { Cidr } from "../../lib/ip/cidr.ts";
import type { SimulatedMachine } from "./simulated_machine.ts";
import { Violation } from "./violation.ts";

/** Looks whether a prefix that is somebody's before and after a message is so at each step in between. */
export class GapWatch {
  readonly #machine: SimulatedMachine;
  #before: readonly Cidr[] = [];
  /** What was nobody's at some step. */
  readonly #missed = new Set<Cidr>();

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
  }

  begins(): void {
    this.#before = [...this.#machine.host.wireguard!.owners.keys()];
    this.#missed.clear();
  }

  after(): void {
    const { owners } = this.#machine.host.wireguard!;
    for (const cidr of this.#before) {
      if (!owners.has(cidr)) this.#missed.add(cidr);
    }
  }

  ends(): void {
    const { owners } = this.#machine.host.wireguard!;
    for (const cidr of this.#missed) {
      if (owners.has(cidr)) throw new Violation("gap", `${cidr} was nobody's for a moment`);
    }
  }
}
