import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";

/** How long what was read of a Node serves, in ms; and how long to wait when it said nothing. */
const FRESH = 60_000;
const FRESH_EMPTY = 3_000;

interface Entry {
  readonly node: NodeView | undefined;
  readonly askedAt: number;
  readonly pending: boolean;
}

/**
 * The addresses of Nodes of which only the metadata is watched, read one by one and off the loop:
 * whoever asks gets what is known now, and `onChange` says when that has changed.
 */
export class NodeStatuses {
  readonly #entries = new Map<string, Entry>();
  readonly #api: Pick<ApiClient, "getNode">;
  readonly #onChange: () => void;
  readonly #signal: AbortSignal;
  readonly #now: () => number;

  constructor(
    api: Pick<ApiClient, "getNode">,
    onChange: () => void,
    signal: AbortSignal,
    now: () => number = () => performance.now(),
  ) {
    this.#api = api;
    this.#onChange = onChange;
    this.#signal = signal;
    this.#now = now;
  }

  /** The Node with its status as last read; undefined while it is not known. */
  get(name: string): NodeView | undefined {
    const entry = this.#entries.get(name);
    const limit = entry?.node?.status?.internalIPs.length ? FRESH : FRESH_EMPTY;
    if (!entry || (!entry.pending && this.#now() - entry.askedAt > limit)) {
      void this.#ask(name, entry?.node);
    }
    return entry?.node;
  }

  /** In how many ms to ask again, if some Node has no addresses yet. */
  get retryMs(): number | undefined {
    const lacking = [...this.#entries.values()].some(({ node }) =>
      !node?.status?.internalIPs.length
    );
    return lacking ? FRESH_EMPTY : undefined;
  }

  /** Forgets the Nodes that are not among these. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#entries.keys()) {
      if (!names.has(name)) this.#entries.delete(name);
    }
  }

  async #ask(name: string, last: NodeView | undefined): Promise<void> {
    const askedAt = this.#now();
    this.#entries.set(name, { node: last, askedAt, pending: true });
    let node = last; // an API server that does not answer says nothing of the Node
    try {
      node = await this.#api.getNode(name, this.#signal);
    } catch {
      // Asked again after the limit.
    }
    if (!this.#entries.has(name)) return;
    this.#entries.set(name, { node, askedAt, pending: false });
    const text = (view: NodeView | undefined) => view?.status?.internalIPs.join();
    if (text(node) !== text(last)) this.#onChange();
  }
}
