import { messageOf, UserError } from "../user_error.ts";
import {
  cleanedComplaint,
  type ExecCredential,
  type ExecSpec,
  parseExecCredential,
  printExecInfo,
} from "./exec_credential.ts";

/** What can be set of an {@linkcode ExecPlugin}. */
export interface ExecPluginOptions {
  /** The kubeconfig that names it, for messages. */
  readonly file: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How long one run may take, in ms. Default 30,000. */
  readonly limitMs?: number;
}

/** A credential is renewed this long before it expires, in ms, or in the last fifth of its life. */
const EARLY = 60_000;
/** A plugin whose credentials are old when they come, or that fails, is not asked more often, in ms. */
const PAUSE = 10_000;
/** More than any credential has, in bytes; of a complaint only the beginning is of use. */
const ANSWER_LIMIT = 1 << 20;
const COMPLAINT_LIMIT = 4096;

/** A credential, and when to ask for the next one. */
interface Held {
  readonly credential: ExecCredential;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/**
 * A kubeconfig's credential plugin, run as kubectl runs it: with the environment of this process, the
 * kubeconfig's variables and `KUBERNETES_EXEC_INFO`, without standard input. Nothing of what it
 * prints is ever in an error, but for the first line of its standard error without what may be a
 * secret.
 */
export class ExecPlugin implements Disposable {
  readonly #spec: ExecSpec;
  readonly #file: string;
  readonly #now: () => number;
  readonly #limitMs: number;
  readonly #closed = new AbortController();
  #held: Held | undefined;
  #asking: Promise<ExecCredential> | undefined;
  #notBefore = -Infinity;

  constructor(
    spec: ExecSpec,
    { file, now = Date.now, limitMs = 30_000 }: ExecPluginOptions,
  ) {
    this.#spec = spec;
    this.#file = file;
    this.#now = now;
    this.#limitMs = limitMs;
  }

  /**
   * Its credential: the one that it gave before, while that is good. Shortly before it expires, the
   * next one is fetched beside the requests.
   *
   * @param ca of the cluster, in PEM, for a plugin that is told of the cluster.
   * @throws {UserError} if it gives none; the message names it and the remedy.
   */
  async credential(ca?: string): Promise<ExecCredential> {
    const held = this.#held;
    const now = this.#now();
    if (held !== undefined && now < held.renewAt) return held.credential;
    const isGood = held !== undefined && now < held.expiresAt;
    if (isGood && this.#asking === undefined && now < this.#notBefore) return held.credential;
    this.#asking ??= this.#ask(ca).finally(() => this.#asking = undefined);
    if (!isGood) return await this.#asking;
    this.#asking.catch(() => {}); // it is asked again, and its fault told once the old one is over
    return held.credential;
  }

  /** The server refuses its credential: it is asked for another. */
  forget(): void {
    this.#held = undefined;
  }

  /** Ends it, if it runs. */
  [Symbol.dispose](): void {
    this.#closed.abort(new Error("the credential is not needed any more"));
  }

  async #ask(ca: string | undefined): Promise<ExecCredential> {
    this.#notBefore = this.#now() + PAUSE;
    const credential = await this.#run(ca);
    const now = this.#now();
    const { expiresAt = Infinity } = credential;
    const early = Math.min(EARLY, (expiresAt - now) / 5);
    this.#held = { credential, expiresAt, renewAt: Math.max(expiresAt - early, now + PAUSE) };
    return credential;
  }

  async #run(ca: string | undefined): Promise<ExecCredential> {
    const { command, args, env, apiVersion } = this.#spec;
    this.#closed.signal.throwIfAborted();
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(command, {
        args: [...args],
        env: { ...env, KUBERNETES_EXEC_INFO: printExecInfo(this.#spec, ca) },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        detached: true, // a process group of its own, which ends as a whole
      }).spawn();
    } catch (error) {
      throw this.#notStarted(error);
    }
    const kill = () => killGroup(child.pid);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.#limitMs);
    const end = AbortSignal.any([limit.signal, this.#closed.signal]);
    end.addEventListener("abort", kill);
    try {
      const [answer, complaint, status] = await Promise.all([
        beginningOf(child.stdout, ANSWER_LIMIT),
        beginningOf(child.stderr, COMPLAINT_LIMIT),
        child.status,
      ]);
      this.#closed.signal.throwIfAborted();
      if (limit.signal.aborted) throw this.#fault(`said nothing for ${this.#limitMs / 1000} s`);
      if (!status.success) {
        const why = cleanedComplaint(complaint, env);
        throw this.#fault(`ended with status ${status.code}${why === "" ? "" : ` (${why})`}`);
      }
      return this.#parsed(answer, apiVersion);
    } finally {
      clearTimeout(timer);
      end.removeEventListener("abort", kill);
    }
  }

  #parsed(answer: string, apiVersion: string): ExecCredential {
    try {
      return parseExecCredential(answer, apiVersion);
    } catch (error) {
      throw this.#fault(`cannot be used: ${messageOf(error)}`);
    }
  }

  #fault(what: string): UserError {
    return new UserError(
      `the credential plugin ${this.#spec.command} of ${this.#file} ${what}; ` +
        "run it by hand to see why",
    );
  }

  #notStarted(cause: unknown): UserError {
    const { command, installHint = "" } = this.#spec;
    const plugin = `the credential plugin ${command} of ${this.#file}`;
    if (cause instanceof Deno.errors.NotFound) {
      const hint = installHint.trim().split(/[\r\n]+/)[0]!;
      const message = `${plugin} is not installed; install it${hint === "" ? "" : ` (${hint})`}`;
      return new UserError(message, { cause });
    }
    if (cause instanceof Deno.errors.NotCapable) {
      const remedy = "name a kubeconfig with a token or a client certificate";
      return new UserError(`${plugin} may not be run by this program; ${remedy}`, { cause });
    }
    return new UserError(`${plugin} cannot be run (${messageOf(cause)})`, { cause });
  }
}

/** All of its processes: a shell that is killed alone leaves what it has started. */
function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended by itself
  }
}

/** Reads to the end, and keeps the beginning. */
async function beginningOf(stream: ReadableStream<Uint8Array>, limit: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < limit) text += decoder.decode(chunk.subarray(0, limit), { stream: true });
  }
  return text;
}
