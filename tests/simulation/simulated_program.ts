import type { Clock } from "../../lib/clock.ts";
import type { ApiSession } from "./api_session.ts";
import type { SimulatedMachine } from "./simulated_machine.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";

/** What a program is started with. */
export interface ProgramParts {
  readonly machine: SimulatedMachine;
  readonly process: SimulatedProcess;
  readonly session: ApiSession;
  /** The path under which the process has the machine's disk. */
  readonly root: string;
  /** --claim-hold, in seconds. */
  readonly claimHold: number;
  readonly witness: KernelWitness;
  readonly clock: Clock;
  /** A turn of the tunnel's loop has succeeded. */
  onTurn(): void;
  /** Takes what is to be called when the kernel notifies of a change by somebody else. */
  onNotify(call: () => void): void;
  /** Takes what is to be called when connections are said to be dead. */
  onReopen(call: () => void): void;
}

/** A program that runs until its process ends. */
export interface SimulatedProgram {
  /** Rejects if the process was killed before it had begun. */
  run(): Promise<void>;
}
