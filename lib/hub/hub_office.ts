import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import { hubPublication, type HubPublicationOptions } from "../contract/hub_publication.ts";
import { type HubStanding, nextStanding } from "../contract/hub_standing.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { NodeWatcher } from "../kubernetes/node_watcher.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { messageOf } from "../user_error.ts";
import { Refused } from "../reconcile/publish.ts";
import { Publisher } from "../reconcile/publisher.ts";
import { withdraw } from "../reconcile/withdraw.ts";

/** The parts of a {@linkcode HubOffice}. */
export interface HubOfficeParts {
  readonly api: Pick<ApiClient, "getNode" | "patchNode">;
  readonly keys: AnnotationKeys;
  readonly publicKey: PublicKey;
  readonly options: HubPublicationOptions & { readonly nodeName: string };
  /** The watch of the own Node. */
  readonly self: Pick<NodeWatcher, "nodes" | "synced">;
  /** The label was taken away, or is back. */
  onChange(): void;
  /** Told of what keeps spokes from finding this hub; undefined if nothing does. */
  onObstacle(text: string | undefined): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
}

/** How long the API is asked at the end, in ms: the kubelet does not wait for ever. */
const LAST_QUESTION = 3_000;

/**
 * What the own Node says of this hub, as long as it is one. Its label is the administrator's: set
 * once, if it is missing when the program begins; when it is taken away, the node is no hub any more.
 */
export class HubOffice {
  readonly #parts: HubOfficeParts;
  readonly #publisher: Publisher;
  #standing: HubStanding = "candidate";
  /** The uid of the Node that was seen last: one of the same name may be another. */
  #uid: string | undefined;
  #obstacle: string | undefined = "the own node has not been read yet";

  constructor(parts: HubOfficeParts) {
    this.#parts = parts;
    this.#publisher = new Publisher(parts.now);
  }

  /** What keeps spokes from finding this hub; undefined if nothing. */
  get obstacle(): string | undefined {
    return this.#obstacle;
  }

  /** Whether the label was taken away: there must be no tunnel then. */
  get isRetired(): boolean {
    return this.#standing === "retired";
  }

  /** Looks at the own Node. To be called whenever it has changed. */
  look = (): void => {
    const node = this.#node;
    if (!node) return; // deleted, perhaps to be created again: that says nothing of the label
    const before = this.#standing;
    this.#standing = nextStanding(before, this.#isLabelled(node), node.uid === this.#uid);
    this.#uid = node.uid;
    if ((before === "retired") !== this.isRetired) this.#parts.onChange();
  };

  /**
   * Makes the own Node say what it should.
   *
   * @returns in how many ms to come again, if it was left undone.
   * @throws {Refused} if an administrator has to do something.
   * @throws {ApiError | ApiUnreachable}
   */
  async settle(signal: AbortSignal): Promise<number | undefined> {
    const { self, onObstacle } = this.#parts;
    if (!self.synced) return undefined;
    this.look();
    try {
      this.#obstacle = await this.#say(signal);
      onObstacle(this.#obstacle);
      return this.#publisher.lookAgainMs;
    } catch (error) {
      if (error instanceof Refused) this.#obstacle = error.message;
      throw error;
    }
  }

  /** @returns what keeps spokes from finding this hub. */
  async #say(signal: AbortSignal): Promise<string | undefined> {
    const { api, keys, publicKey, options } = this.#parts;
    const node = this.#node;
    if (!node) return `there is no node ${options.nodeName}`;
    if (this.isRetired) {
      await this.#publisher.withdraw(api, node, keys, signal);
      if (this.#publisher.conflict) return this.#publisher.conflict;
      return `the hub's label was taken away; an administrator must label this node to have it ` +
        `back: kubectl label node ${node.name} ${keys.hub}=${MARKED}`;
    }
    const wanted = hubPublication(node, publicKey, options);
    await this.#publisher.publish(api, node, wanted, keys, signal);
    if (this.#publisher.conflict) return this.#publisher.conflict;
    return wanted.endpoint ? undefined : "no ExternalIP on the node, and no --endpoint";
  }

  /**
   * To be called when the program ends: its pod may have been ended because the label is gone. Then
   * the Node says nothing of this hub any more. An API that does not answer in time says nothing.
   *
   * @returns whether the node is no hub any more, also where what it says could not be taken away.
   */
  async hasEnded(): Promise<boolean> {
    const { api, keys, options, onObstacle } = this.#parts;
    if (this.#standing === "candidate") return false;
    const signal = AbortSignal.timeout(LAST_QUESTION);
    let node: NodeView | undefined;
    try {
      node = await api.getNode(options.nodeName, signal);
    } catch {
      return this.isRetired;
    }
    if (!node || node.uid !== this.#uid || this.#isLabelled(node)) return false;
    try {
      await withdraw(api, node, keys, signal);
    } catch (error) {
      onObstacle(`the hub's annotations could not be taken away: ${messageOf(error)}`);
    }
    return true;
  }

  get #node(): NodeView | undefined {
    const { self, options } = this.#parts;
    return self.nodes.get(options.nodeName);
  }

  #isLabelled({ labels }: NodeView): boolean {
    return labels[this.#parts.keys.hub] === MARKED;
  }
}
