import { delayAfter, sleep as realSleep } from "../backoff.ts";
import type { IpAddress } from "../ip/address.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import type { EndpointResolver } from "./endpoint_resolver.ts";
import { readResolvers } from "./resolvers.ts";

/** The parts of {@linkcode HubNeighbours}. */
export interface HubNeighboursParts {
  readonly api: Pick<ApiClient, "host" | "serverHosts">;
  readonly names: Pick<EndpointResolver, "addresses">;
  /** {@linkcode HubNeighbours.addresses} may differ, or be complete: look again. */
  onChange(): void;
  /** Told of each attempt that failed, and of the next that did not. */
  onResult(error?: unknown): void;
  /** Default: {@linkcode readResolvers}. */
  readonly resolvers?: () => Promise<readonly IpAddress[]>;
  /** As Math.random, which is the default. */
  readonly random?: () => number;
  /** As {@linkcode realSleep}, which is the default. */
  readonly sleep?: typeof realSleep;
}

/** Between two looks, in ms: at least, and as much again at random. */
const EVERY = 3_600_000;
/** After a failure, in ms: as long as newcomers wait for it, and later. */
const SOON = { initialMs: 1_000, maxMs: 10_000 };
const LATER = { initialMs: 10_000, maxMs: 600_000 };

/**
 * Whom the hub itself must reach outside the tunnel, beside its gateways: the API server and the name
 * servers. To a pod the API server has the address of a Service, which leads to others: the server
 * itself tells those. A peer that had one of them would cut the hub off from what tells it better.
 */
export class HubNeighbours {
  readonly #parts: Required<HubNeighboursParts>;
  #hosts: readonly string[] = [];
  #resolvers: readonly IpAddress[] = [];
  #isComplete = false;

  constructor(parts: HubNeighboursParts) {
    this.#parts = { resolvers: readResolvers, random: Math.random, sleep: realSleep, ...parts };
  }

  /** Their addresses, as far as they are known. */
  get addresses(): readonly IpAddress[] {
    const { api: { host }, names } = this.#parts;
    const hosts = host === undefined ? this.#hosts : [host, ...this.#hosts];
    return [...new Set([...hosts.flatMap((name) => names.addresses(name)), ...this.#resolvers])];
  }

  /** Whether the API server has been asked, and has answered: before that, newcomers wait. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Looks again once in a while until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { api, resolvers, random, sleep, onResult } = this.#parts;
    for (let failures = 0; !signal.aborted;) {
      const known = await resolvers();
      try {
        this.#take(await api.serverHosts(signal), known);
        failures = 0;
        onResult();
        await sleep(EVERY * (1 + random()), signal);
      } catch (error) {
        if (signal.aborted) return;
        onResult(error);
        // A server that answers, and does not tell, will not: that keeps nobody out.
        this.#take(this.#hosts, known, this.#isComplete || error instanceof ApiError);
        const policy = this.#isComplete ? LATER : SOON;
        await sleep(delayAfter(error, failures++, { ...policy, random }), signal);
      }
    }
  }

  #take(hosts: readonly string[], resolvers: readonly IpAddress[], isComplete = true): void {
    const before = [this.#hosts, this.#resolvers, this.#isComplete].join(" ");
    this.#hosts = hosts;
    this.#resolvers = resolvers;
    this.#isComplete = isComplete;
    if ([hosts, resolvers, isComplete].join(" ") !== before) this.#parts.onChange();
  }
}
