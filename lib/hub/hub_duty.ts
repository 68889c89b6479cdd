import { activeHub } from "../contract/active_hub.ts";
import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { NodeWatcher } from "../kubernetes/node_watcher.ts";
import type { DutyFile } from "./duty_file.ts";

/** What a hub is there for at the moment. */
export interface Duty {
  /** Whether it is the active hub, the one that everybody uses, as far as it knows. */
  readonly isActive: boolean;
  /** Whether routes lead to its peers. */
  readonly isRouting: boolean;
  /** In how many ms to look again at the latest. */
  readonly lookAgainMs: number;
}

/** The parts of a {@linkcode HubDuty}. */
export interface HubDutyParts {
  readonly keys: AnnotationKeys;
  readonly nodeName: string;
  /** The watch of the Nodes that bear the hub's label. */
  readonly hubs: Pick<NodeWatcher, "nodes" | "synced">;
  /** Told at each look that there are several hubs, and which is the active one; else undefined. */
  onSeveral(text: string | undefined): void;
  /** Milliseconds of a clock that does not go back; default: performance.now. */
  readonly now?: () => number;
}

/**
 * How long routes stay when another hub has become the active one, in ms. Nodes hear of it one after
 * the other, within a second or two: until then a peer's packets still come by this hub, and can only
 * be answered by it. Taken away at once, all of them would be lost. Kept, what this node itself sends
 * to a peer that has moved already is lost for these few seconds. The new active hub has its routes at
 * once: what it sends to a peer that has not moved yet would be lost either way.
 */
const LINGER = 5_000;

/**
 * Whether this hub is the active one: the one in which both directions of every tunnel meet. All
 * nodes choose it alike, from the Nodes (see {@linkcode activeHub}). A hub that stands by keeps its
 * interface and its peers, so that whoever moves to it is answered at once, but no routes.
 *
 * As long as the hubs have not been listed, what was last known holds; as long as there is no complete
 * hub, this one acts as the active one.
 */
export class HubDuty {
  readonly #parts: HubDutyParts;
  readonly #now: () => number;
  readonly #file: Pick<DutyFile, "save">;
  /** Undefined before it was known for the first time. */
  #active: boolean | undefined;
  #lingersUntil = -Infinity;

  /** @param lastKnown whether it was the active hub when the last program ended; undefined: not known. */
  constructor(
    parts: HubDutyParts,
    file: Pick<DutyFile, "save">,
    lastKnown: boolean | undefined,
  ) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
    this.#file = file;
    this.#active = lastKnown;
  }

  /** Whether it is the active hub, as far as it knows. */
  get isActive(): boolean {
    return this.#active ?? true;
  }

  /** Looks at the hubs' Nodes. */
  look(): Duty {
    const now = this.#now();
    if (this.#parts.hubs.synced) {
      const before = this.#active;
      this.#active = this.#choose();
      if (before && !this.#active) this.#lingersUntil = now + LINGER;
      if (before !== this.#active) this.#file.save(this.#active);
    }
    const { isActive } = this;
    const lingers = !isActive && now < this.#lingersUntil;
    return {
      isActive,
      isRouting: isActive || lingers,
      lookAgainMs: lingers ? this.#lingersUntil - now : Infinity,
    };
  }

  #choose(): boolean {
    const { hubs, keys, nodeName, onSeveral } = this.#parts;
    const { hub, labelled } = activeHub(hubs.nodes.values(), keys);
    const [first, ...others] = labelled;
    onSeveral(
      others.length === 0
        ? undefined
        : hub
        ? `several nodes are labelled as hub: ${first} is the active one, ${names(others)} stand by`
        : `several nodes are labelled as hub, and none has a key and an endpoint: ${
          names(labelled)
        }`,
    );
    return hub === undefined || hub.node === nodeName;
  }
}

/** A few of them: a line has an end. */
function names(nodes: readonly string[]): string {
  const shown = nodes.slice(0, 5).join(", ");
  return nodes.length <= 5 ? shown : `${shown} and ${nodes.length - 5} more`;
}
