import { lookup } from "node:dns/promises";
import { parseAddress, unmapAddress } from "../ip/address.ts";
import { type Endpoint, isResolved, type ResolvedEndpoint } from "../ip/endpoint.ts";

/** How long an answer of the name service serves, in ms. */
const CACHED = 60_000;
/** How long to wait for an answer, in ms. */
const LIMIT = 5_000;
/** Names remembered at most: strangers choose them. */
const MOST_NAMES = 10_000;

interface Answer {
  readonly endpointHost: ResolvedEndpoint["host"] | undefined;
  readonly askedAt: number;
  readonly pending: boolean;
}

/**
 * Turns host names in endpoints into addresses, off the loop: whoever asks gets what is known now,
 * and `onChange` says when an answer has come that differs from the last.
 */
export class EndpointResolver {
  readonly #answers = new Map<string, Answer>();
  readonly #onChange: () => void;
  readonly #now: () => number;

  constructor(onChange: () => void, now: () => number = () => performance.now()) {
    this.#onChange = onChange;
    this.#now = now;
  }

  /** The endpoint with its address, or undefined while the name is not (or not yet) resolved. */
  resolve = (endpoint: Endpoint): ResolvedEndpoint | undefined => {
    if (isResolved(endpoint)) return endpoint;
    const answer = this.#answers.get(endpoint.host);
    if (!answer || (!answer.pending && this.#now() - answer.askedAt > CACHED)) {
      void this.#ask(endpoint.host, answer);
    }
    return answer?.endpointHost && { host: answer.endpointHost, port: endpoint.port };
  };

  async #ask(name: string, last: Answer | undefined): Promise<void> {
    if (!last && this.#answers.size >= MOST_NAMES) return;
    const askedAt = this.#now();
    this.#answers.set(name, { endpointHost: last?.endpointHost, askedAt, pending: true });
    const found = await addressOf(name);
    // A name service that is down says nothing about the address: the last answer stands.
    const endpointHost = found ?? last?.endpointHost;
    this.#answers.set(name, { endpointHost, askedAt, pending: false });
    if (endpointHost !== last?.endpointHost) this.#onChange();
  }
}

async function addressOf(name: string): Promise<ResolvedEndpoint["host"] | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<undefined>((resolve) =>
    timer = setTimeout(() => resolve(undefined), LIMIT)
  );
  try {
    const answer = await Promise.race([lookup(name), limit]);
    const address = answer && parseAddress(answer.address);
    return address && unmapAddress(address);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
