import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import { planPublication, planWithdrawal, type Publication } from "../contract/publication.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { TokenBucket } from "../token_bucket.ts";
import { publish } from "./publish.ts";
import { saidBy, withdraw } from "./withdraw.ts";

/** How often a Node is made to say the same again: whoever takes a label away by hand has it back. */
const WRITES = { capacity: 3, everyMs: 10_000 };

/**
 * Keeps a Node saying what it should, and leaves no war when somebody else keeps it saying something
 * else: each of the two would answer every change of the other, as fast as the API server can.
 */
export class Publisher {
  readonly #now: () => number;
  readonly #writes = new TokenBucket(WRITES);
  #conflict: string | undefined;

  /** @param now milliseconds of a clock that does not go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** That somebody else writes this Node, until it stays as it is for a while; else undefined. */
  get conflict(): string | undefined {
    return this.#conflict;
  }

  /** In how many ms to try again what was left undone. */
  get lookAgainMs(): number | undefined {
    return this.#conflict === undefined ? undefined : this.#writes.waitMs(this.#now()) || undefined;
  }

  /**
   * As {@linkcode publish}; left undone if it has been done too often.
   *
   * @throws {Refused | ApiError | ApiUnreachable} as publish does.
   */
  async publish(
    api: Pick<ApiClient, "patchNode">,
    node: NodeView,
    wanted: Publication,
    keys: AnnotationKeys,
    signal: AbortSignal,
  ): Promise<void> {
    const isDue = planPublication(node, wanted, keys).length > 0;
    await this.#write(node, isDue, () => publish(api, node, wanted, keys, signal));
  }

  /**
   * As {@linkcode withdraw}; left undone if it has been done too often.
   *
   * @throws {ApiError | ApiUnreachable} as withdraw does.
   */
  async withdraw(
    api: Pick<ApiClient, "patchNode">,
    node: NodeView,
    keys: AnnotationKeys,
    signal: AbortSignal,
  ): Promise<void> {
    const isDue = saidBy(node, keys).length > 0;
    await this.#write(node, isDue, () => withdraw(api, node, keys, signal));
  }

  /**
   * Makes the Node say nothing of a member; left undone if it has been done too often.
   *
   * @throws {ApiError | ApiUnreachable}
   */
  async leave(
    api: Pick<ApiClient, "patchNode">,
    node: NodeView,
    keys: AnnotationKeys,
    signal: AbortSignal,
  ): Promise<void> {
    const patch = planWithdrawal(node, keys, true);
    await this.#write(node, patch !== undefined, () => api.patchNode(node.name, patch!, signal));
  }

  async #write(node: NodeView, isDue: boolean, write: () => Promise<unknown>): Promise<void> {
    const now = this.#now();
    if (!isDue) {
      if (this.#writes.isFull(now)) this.#conflict = undefined;
      return;
    }
    if (this.#writes.waitMs(now) > 0) {
      this.#conflict = `somebody else writes what this program says on node ${node.name}: stop ` +
        `the other machine of this name, or the program beside this one; it is written every ` +
        `${WRITES.everyMs / 1000} s until then`;
      return;
    }
    await write();
    this.#writes.take(now); // a write that failed is tried again at its own pace
  }
}
