import type { Logger } from "@logtape/logtape";
import type { Refusal, Remark } from "../contract/refusal.ts";
import type { Diary } from "../diary.ts";
import { NO_OBSERVER, type Observer } from "../metrics/observer.ts";
import { OnceLog } from "../once_log.ts";
import { messageOf } from "../user_error.ts";
import type { PublicKey } from "../wireguard/key.ts";
import type { LoopParts } from "./reconcile_loop.ts";
import { RefusalLog } from "./refusal_log.ts";
import type { TunnelReport } from "../tunnel/wanted_tunnel.ts";

/** More changes than this in one turn are counted, not listed (each is a line at level debug). */
const LISTED = 25;

/** Something that takes a line: a constant text, and in fields what others said. */
type Line = (text: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Says what the loops do and what keeps them from it: each trouble once, until it changes or ends.
 * Whoever counts is told every time. What is worth a line is written into the diary, too.
 */
export class LoopLog {
  readonly #log: Logger;
  readonly #tell: Line;
  readonly #observer: Observer;
  readonly #troubles: OnceLog;
  readonly #refusals: RefusalLog;
  readonly #refused = new Map<string, readonly Refusal[]>();
  readonly #remarks = new Map<string, readonly Remark[]>();
  #inStep = false;

  constructor(
    log: Logger,
    observer: Observer = NO_OBSERVER,
    diary?: Pick<Diary, "write">,
  ) {
    this.#log = log;
    this.#observer = observer;
    const warn: Line = (text, fields) => {
      log.warning(text, fields);
      diary?.write("warning", text, fields);
    };
    const tell: Line = this.#tell = (text, fields) => {
      log.info(text, fields);
      diary?.write("info", text, fields);
    };
    this.#troubles = new OnceLog(warn, tell);
    this.#refusals = new RefusalLog(warn, tell, () => performance.now());
  }

  /** Takes the outcomes of something that is tried again and again: an error, or nothing when it goes well. */
  resultOf(what: string): (error?: unknown) => void {
    return (error) => {
      if (error === undefined) this.#troubles.clear(what, `${what}: works again`);
      else {
        this.#troubles.say(what, `${what}: failed, trying again`, { reason: messageOf(error) });
      }
    };
  }

  /** Takes the turns of a loop. */
  loop(what: string): Pick<LoopParts, "onResult" | "onTurn"> {
    return {
      onResult: this.resultOf(what),
      onTurn: (ms, ok) => this.#observer.turn(what, ms, ok),
    };
  }

  /** Takes something lasting that is wrong; undefined or false when it is not, or no more. */
  matter(
    key: string,
    text: string | false | undefined,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    if (text) this.#troubles.say(key, text, fields);
    else this.#troubles.clear(key, `${key}: mended`);
  }

  /** Takes what is wrong with one thing; undefined when nothing is, or no more. */
  troubleOf(key: string): (text: string | undefined) => void {
    return (text) => this.matter(key, text);
  }

  /** Takes something that was done, each time. */
  did(text: string, fields: Readonly<Record<string, unknown>>): void {
    this.#tell(text, fields);
  }

  /**
   * Takes all that is refused now, and what is read otherwise than it is written.
   *
   * @param by who judges: each tells all of its own.
   */
  refusals(
    refusals: readonly Refusal[],
    remarks: readonly Remark[] = [],
    by: "hub" | "site" = "hub",
  ): void {
    this.#refused.set(by, refusals);
    this.#remarks.set(by, remarks);
    const all = [...this.#refused.values()].flat();
    this.#observer.refusals(all);
    this.#refusals.update([...all, ...[...this.#remarks.values()].flat()]);
  }

  /**
   * Takes what a turn did to the tunnel.
   *
   * @param nodeOf the Node that has a public key.
   */
  tunnel({ done, refused }: TunnelReport, nodeOf: (key: PublicKey) => string | undefined): void {
    this.#observer.deeds(done);
    for (const { text, peer, fields } of done) {
      const all = { node: peer && nodeOf(peer), peer, ...fields };
      if (done.length <= LISTED) this.#tell(text, all);
      else this.#log.debug(text, all);
    }
    if (done.length > LISTED) this.#tell("tunnel changed", { changes: done.length });
    const reason = refused.slice(0, LISTED).join("; ");
    this.matter("routes", reason !== "" && "the kernel refused routes", { reason });
  }

  /** Takes why there is no lock against a second program. It is as it is, so this is no trouble. */
  noLock = (reason: string): void => {
    this.#tell("a second program here would not be noticed: no lock", { reason });
  };

  /** Takes that all peers are as the Nodes say: worth a line the first time. */
  inStep(peers: number): void {
    if (!this.#inStep) this.#tell("in step with the cluster", { peers });
    this.#inStep = true;
  }

  /** Takes how it goes with what is served. */
  readonly server = {
    random: Math.random,
    onFailure: (name: string, error: unknown): void => this.resultOf(name)(error),
    onListen: (name: string): void => this.resultOf(name)(),
  };
}
