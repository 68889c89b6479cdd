/** The process has been killed: what it does from now on has no effect. */
export class Killed extends Error {
  override name = "Killed";
}

/** What is to happen to a process when it has taken some more steps. */
interface Interruption {
  /** Steps until then. */
  after: number;
  /** The kernel refuses that step with this; absent: the process is killed. */
  readonly error?: () => Error;
}

/**
 * A process on a simulated machine. All that it asks of kernel, disk and API is a step, and between
 * any two of them it can be killed.
 */
export class SimulatedProcess {
  /** Names its view of the machine's disk. */
  readonly id: string;
  interruption: Interruption | undefined;
  readonly #onKilled: () => void;
  readonly #end = new AbortController();
  #isAlive = true;

  /** @param onKilled told when it is killed in the midst of something. */
  constructor(id: string, onKilled: () => void) {
    this.id = id;
    this.#onKilled = onKilled;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** What its loops are given: aborted by SIGTERM, and when it is killed. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** SIGTERM. */
  terminate(): void {
    this.#end.abort(new Killed("terminated"));
  }

  /** SIGKILL. */
  kill(): void {
    this.#isAlive = false;
    this.#end.abort(new Killed("killed"));
  }

  /** Something is asked of disk or API. @throws {Killed} if the process does not live to do it. */
  step = (): void => {
    if (!this.#isAlive) throw new Killed("killed");
    const due = this.interruption;
    if (!due || due.error || due.after-- > 0) return;
    this.#die();
  };

  /** Something is asked of the kernel. @throws as step does, and what the kernel refuses it with. */
  kernelStep = (): void => {
    if (!this.#isAlive) throw new Killed("killed");
    const due = this.interruption;
    if (!due || due.after-- > 0) return;
    if (!due.error) this.#die();
    this.interruption = undefined;
    throw due.error!();
  };

  #die(): never {
    this.interruption = undefined;
    this.kill();
    this.#onKilled();
    throw new Killed("killed");
  }
}
