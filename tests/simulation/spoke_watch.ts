import { GapWatch } from "./gap_watch.ts";
import type { SimulatedMachine } from "./simulated_machine.ts";
import type { SimulatedSpoke } from "./simulated_spoke.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";
import { Violation } from "./violation.ts";

/** Sees every step of a spoke's machine, and throws a {@linkcode Violation} when something must not be. */
export class SpokeWatch implements KernelWitness {
  readonly #machine: SimulatedMachine;
  readonly #gap: GapWatch;
  /** Whether it had a hub with prefixes, and nobody else took it away since. */
  #hadHub = false;

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
    this.#gap = new GapWatch(machine);
  }

  /** The interface has gone or was edited by hand, or the machine rebooted. */
  touched(): void {
    this.#hadHub = false;
  }

  begins(): void {
    this.#gap.begins();
  }

  after(): void {
    this.#gap.after();
    this.look();
  }

  ends(): void {
    this.#gap.ends();
  }

  removed(): void {
    throw new Violation("hubless", "a spoke removed its interface");
  }

  /** What it has follows the hub that it remembers, and needs no list. */
  took(): void {}

  look(): void {
    const wireguard = this.#machine.host.wireguard;
    const hasHub = wireguard !== undefined && wireguard.owners.size > 0;
    if (this.#hadHub && !hasHub) throw new Violation("hubless", "no prefix is a hub's any more");
    this.#hadHub ||= hasHub;
  }

  /** A turn has succeeded. */
  settled(spoke: SimulatedSpoke): void {
    this.look();
    if (!spoke.remembered) return;
    const [key] = spoke.remembered.keys();
    spoke.remembered = undefined; // from now on it may follow another
    const { peers } = this.#machine.host.wireguard!;
    if (peers.size === 0) throw new Violation("remembered", `${key} was known, and is no peer`);
  }
}
