import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type {
  ListOptions,
  NodeList,
  NodePatch,
  NodeSelector,
  StringPatch,
  WatchOptions,
} from "../../lib/kubernetes/api_client.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import type { NodeReport } from "../../lib/kubernetes/node_report.ts";
import type { NodeChange, SimulatedApi } from "./simulated_api.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { SimulatedProcess } from "./simulated_process.ts";

/** What a request was for. */
export type Verb = "list" | "watch" | "get" | "patch" | "event";

/** How long a client waits for an answer that does not come, in ms. */
const ANSWER_LIMIT = 10_000;
/** How often a quiet watch is told how far it has come, in ms. */
const BOOKMARK_EVERY = 60_000;

/** The parts of an {@linkcode ApiSession}. */
export interface SessionParts {
  readonly api: SimulatedApi;
  readonly random: SeededRandom;
  readonly process: SimulatedProcess;
  /** The token in the machine's file, as it is now. */
  readonly tokenOnDisk: () => number;
  /** The selector of a list that has been answered whole. */
  readonly onListed?: (selector: NodeSelector) => void;
  readonly onRequest: (verb: Verb, body: unknown) => void;
}

/** One process's connection to the API server, with all that can go wrong on the way. */
export class ApiSession {
  readonly host = "198.51.100.1";
  readonly proxyUrl = undefined;
  readonly baseUrl = `https://${this.host}:6443`;
  readonly #api: SimulatedApi;
  readonly #random: SeededRandom;
  readonly #parts: SessionParts;
  #token: number;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#api = parts.api;
    this.#random = parts.random;
    this.#token = parts.tokenOnDisk();
  }

  /** Reads the token again. */
  renew(): void {
    this.#token = this.#parts.tokenOnDisk();
  }

  async listNodes(
    selector: NodeSelector,
    { signal, metadataOnly }: ListOptions,
  ): Promise<NodeList> {
    const early = this.#random.chance(0.5) ? this.#snapshot(selector, metadataOnly) : undefined;
    await this.#answer("list", signal);
    const list = early ?? this.#snapshot(selector, metadataOnly);
    this.#parts.process.step();
    this.#parts.onListed?.(selector);
    return list;
  }

  async listNodeAddresses(
    selector: NodeSelector,
    _whole: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, readonly IpAddress[]>> {
    await this.#answer("list", signal);
    const { nodes } = this.#snapshot(selector, false);
    return new Map(nodes.map(({ name, status }) => [
      name,
      [...status?.internalIPs ?? [], ...status?.externalIPs ?? []],
    ]));
  }

  async serverHosts(signal: AbortSignal): Promise<string[]> {
    await this.#answer("get", signal);
    return [this.host];
  }

  async getNode(name: string, signal: AbortSignal): Promise<NodeView | undefined> {
    await this.#answer("get", signal);
    return this.#api.nodes.get(name);
  }

  async patchNode(name: string, patch: NodePatch, signal: AbortSignal): Promise<NodeView> {
    await this.#answer("patch", signal, patch);
    const node = this.#api.nodes.get(name);
    if (!node) throw new ApiError(`PATCH ${name}: 404`, 404, "NotFound");
    this.#api.put({
      ...node,
      labels: merged(node.labels, patch.labels),
      annotations: merged(node.annotations, patch.annotations),
    });
    this.#parts.process.step();
    // Done, and yet the answer may be lost.
    if (this.#random.chance(this.#api.faults.unreachable)) throw new ApiUnreachable("reset");
    return this.#api.nodes.get(name)!;
  }

  async createEvent(report: NodeReport, signal: AbortSignal): Promise<void> {
    await this.#answer("event", signal, report);
  }

  async *watchNodes(selector: NodeSelector, options: WatchOptions): AsyncGenerator<NodeEvent> {
    const { signal, idleMs, timeoutSeconds, metadataOnly } = options;
    const end = performance.now() + timeoutSeconds * 1000;
    let version = Number(options.resourceVersion);
    await this.#answer("watch", signal);
    if (this.#random.chance(this.#api.faults.expired) || !this.#api.since(version)) throw expired();
    yield { type: "open" };
    while (performance.now() < end) {
      const { lost, doubled, swapped, delayed, cut, silent } = this.#api.faults;
      const changes = this.#api.since(version);
      if (!changes) throw expired();
      if (changes.length === 0) {
        if (await this.#happens(Math.min(BOOKMARK_EVERY, end - performance.now()), signal)) {
          continue;
        }
        if (performance.now() < end) yield { type: "bookmark", resourceVersion: String(version) };
        continue;
      }
      const pair = changes.length > 1 && this.#random.chance(swapped);
      const batch = pair ? [changes[1]!, changes[0]!] : [changes[0]!];
      version = changes[batch.length - 1]!.version;
      for (const change of batch) {
        if (this.#random.chance(cut)) throw new ApiUnreachable("the connection broke");
        if (this.#random.chance(silent)) await this.#silence(idleMs, signal);
        if (this.#random.chance(delayed)) await pause(this.#random.below(3000), signal);
        const event = eventOf(change, selector, metadataOnly);
        if (!event || this.#random.chance(lost)) continue;
        yield event;
        if (this.#random.chance(doubled)) yield event;
      }
    }
  }

  /** Takes the time that a request takes. @throws what goes wrong with it. */
  async #answer(verb: Verb, signal: AbortSignal, body?: unknown): Promise<void> {
    const { process, onRequest } = this.#parts;
    process.step();
    onRequest(verb, body);
    const { throttled, failing, forbidden, unreachable, blackHole } = this.#api.faults;
    const slow = this.#random.chance(0.05) ? 2000 : 20;
    await pause(1 + this.#random.below(slow), signal);
    if (this.#random.chance(blackHole)) await this.#silence(ANSWER_LIMIT, signal);
    if (this.#random.chance(unreachable)) throw new ApiUnreachable(`${verb}: refused`);
    if (this.#random.chance(failing)) throw new ApiError(`${verb}: 500`, 500, "InternalError");
    if (this.#token !== this.#api.token) { // once more with what the file says now
      this.renew();
      if (this.#token !== this.#api.token) throw new ApiError(`${verb}: 401`, 401, "Unauthorized");
    }
    if (this.#random.chance(forbidden)) throw new ApiError(`${verb}: 403`, 403, "Forbidden");
    if (!this.#random.chance(throttled)) return;
    throw new ApiError(`${verb}: 429`, 429, "TooManyRequests", this.#random.pick([1000, 5000]));
  }

  async #silence(ms: number, signal: AbortSignal): Promise<never> {
    await pause(ms, signal);
    throw new ApiUnreachable(`nothing for ${ms} ms`, { timedOut: true });
  }

  /** Whether something happens within that time. */
  #happens(ms: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const done = (end: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        callOff();
        end();
      };
      const aborted = () => done(() => reject(signal.reason));
      const timer = setTimeout(() => done(() => resolve(false)), ms);
      const callOff = this.#api.onNext(() => done(() => resolve(true)));
      signal.addEventListener("abort", aborted);
    });
  }

  #snapshot(selector: NodeSelector, metadataOnly: boolean): NodeList {
    const nodes = [...this.#api.nodes.values()].filter((node) => isSelected(node, selector))
      .map((node) => seenAs(node, metadataOnly));
    return { nodes, resourceVersion: String(this.#api.version) };
  }
}

function isSelected(node: NodeView | undefined, { labelSelector, fieldSelector }: NodeSelector) {
  if (!node) return false;
  if (labelSelector) {
    const [, label, operator, value] = /^([^!=]+)(!?=)(.+)$/.exec(labelSelector)!;
    return (node.labels[label!] === value) === (operator === "=");
  }
  return fieldSelector === `metadata.name=${node.name}`;
}

function eventOf(
  { version, name, before, after }: NodeChange,
  selector: NodeSelector,
  metadataOnly: boolean,
): NodeEvent | undefined {
  const resourceVersion = String(version);
  if (after && isSelected(after, selector)) {
    return { type: "put", node: seenAs(after, metadataOnly), resourceVersion };
  }
  return isSelected(before, selector) ? { type: "gone", name, resourceVersion } : undefined;
}

function seenAs(node: NodeView, metadataOnly: boolean): NodeView {
  const { status, ...metadata } = node;
  return metadataOnly || !status ? metadata : { ...metadata, status };
}

function merged(
  before: Readonly<Record<string, string>>,
  patch: StringPatch = {},
): Record<string, string> {
  const all = Object.entries({ ...before, ...patch });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}

const expired = () => new ApiError("watch: 410 too old resource version", 410, "Expired");

/** Waits. @throws the signal's reason once it is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted);
  });
}
