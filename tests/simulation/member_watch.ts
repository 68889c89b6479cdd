import { ZERO_KEY } from "../../lib/wireguard/key.ts";
import { GapWatch } from "./gap_watch.ts";
import { HUBS, type SimulatedMachine } from "./simulated_machine.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";
import { Violation } from "./violation.ts";

/** Sees every step of a member's machine, and throws a {@linkcode Violation} when something must not be. */
export class MemberWatch implements KernelWitness {
  readonly #machine: SimulatedMachine;
  readonly #gap: GapWatch;

  constructor(machine: SimulatedMachine) {
    this.#machine = machine;
    this.#gap = new GapWatch(machine);
  }

  /** Somebody else has taken the interface away: there is nothing to remember of it. */
  touched(): void {}

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
    if (this.#machine.wasUnlabelled) return;
    throw new Violation("members", "a member removed its interface, and nobody has said no");
  }

  /** Its routes follow what its Node says of its addresses. */
  took(): void {}

  /** Nobody but a hub has anything of it, and no hub more than it was told to send there. */
  look(): void {
    const { host, kind } = this.#machine;
    for (const [cidr, key] of host.wireguard?.owners ?? []) {
      if (key === ZERO_KEY) continue; // a throw-away peer, while a prefix is taken away
      const isHub = HUBS.some(({ privateKey }) => privateKey.publicKey === key);
      if (isHub && kind.tunnelCidrs!.includes(cidr)) continue;
      throw new Violation("members", `${cidr} of ${kind.name} goes to ${key}`);
    }
  }

  /** A turn has succeeded. */
  settled(): void {
    this.look();
  }
}
