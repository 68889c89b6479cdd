import { sleep } from "./backoff.ts";
import { sendToUnixSocket } from "./netlink/libc.ts";
import type { Environment } from "./options/parse_options.ts";

/** The parts of a {@linkcode ServiceManager}. */
export interface ServiceManagerParts {
  /** Where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are. */
  readonly env: Environment;
  readonly pid: number;
  /** Sends a datagram to a Unix socket. @throws if it is not taken. */
  readonly send?: (path: string, text: string) => void;
  /** Told why systemd could not be told, or undefined when it could. */
  readonly onResult: (error?: unknown) => void;
}

/** Tells systemd how this service is, if it was started by systemd: sd_notify(3), sd_watchdog_enabled(3). */
export class ServiceManager {
  readonly #socket: string | undefined;
  readonly #parts: Required<ServiceManagerParts>;
  /** Half of the time after which systemd takes the service for hung, in ms; undefined: it does not. */
  readonly #beatMs: number | undefined;
  #isReady = false;
  #status = "";

  constructor(parts: ServiceManagerParts) {
    this.#parts = { send: sendToUnixSocket, ...parts };
    const { env, pid } = parts;
    this.#socket = env.get("NOTIFY_SOCKET") || undefined;
    const watchdogMs = Number(env.get("WATCHDOG_USEC") ?? "") / 1000;
    const meant = env.get("WATCHDOG_PID") || String(pid);
    if (watchdogMs > 0 && meant === String(pid)) this.#beatMs = watchdogMs / 2;
  }

  /** Whether there is one that listens. */
  get isThere(): boolean {
    return this.#socket !== undefined;
  }

  /** The service has started: what waits for it may start now. Later calls do nothing. */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#tell("READY=1");
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    if (text === this.#status) return;
    this.#status = text;
    this.#tell(`STATUS=${text}`);
  }

  /**
   * Tells systemd again and again that the service is alive, for as long as it is.
   *
   * @param isAlive asked each time.
   */
  async keepAlive(isAlive: () => boolean, signal: AbortSignal): Promise<void> {
    if (!this.#socket || this.#beatMs === undefined) return;
    while (!signal.aborted) {
      if (isAlive()) this.#tell("WATCHDOG=1");
      await sleep(this.#beatMs, signal);
    }
  }

  #tell(text: string): void {
    if (!this.#socket) return;
    try {
      this.#parts.send(this.#socket, text);
      this.#parts.onResult();
    } catch (error) {
      this.#parts.onResult(error);
    }
  }
}
