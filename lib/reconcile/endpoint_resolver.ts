import { lookup } from "node:dns/promises";
import { type IpAddress, parseAddress, unmapAddress } from "../ip/address.ts";
import { type Endpoint, isResolved, type ResolvedEndpoint } from "../ip/endpoint.ts";

/** How long an answer of the name service serves, in ms; and how long it is left alone if it had none. */
const CACHED = 60_000;
const RETRY = 5_000;
/** How long to wait for an answer, in ms. */
const LIMIT = 5_000;
/** Names remembered at most: strangers choose them. */
const MOST_NAMES = 10_000;

/** Asks the name service for all addresses of a name. */
export type LookUp = (name: string) => Promise<readonly IpAddress[]>;

interface Answer {
  readonly host: IpAddress | undefined;
  /** When to ask again; Infinity while an answer is being waited for. */
  readonly due: number;
}

/**
 * Turns host names in endpoints into addresses, off the loop: whoever asks gets what is known now,
 * and `onChange` says when an answer has come that differs from the last.
 */
export class EndpointResolver {
  /** The name that was asked for longest ago comes first. */
  readonly #answers = new Map<string, Answer>();
  readonly #onChange: () => void;
  readonly #now: () => number;
  readonly #lookUp: LookUp;

  constructor(
    onChange: () => void,
    now: () => number = () => performance.now(),
    lookUp: LookUp = addressesOf,
  ) {
    this.#onChange = onChange;
    this.#now = now;
    this.#lookUp = lookUp;
  }

  /** The endpoint with its address, or undefined while the name is not (or not yet) resolved. */
  resolve = (endpoint: Endpoint): ResolvedEndpoint | undefined => {
    if (isResolved(endpoint)) return endpoint;
    const answer = this.#answers.get(endpoint.host);
    if (!answer || this.#now() >= answer.due) void this.#ask(endpoint.host, answer?.host);
    return answer?.host && { host: answer.host, port: endpoint.port };
  };

  async #ask(name: string, last: IpAddress | undefined): Promise<void> {
    this.#remember(name, { host: last, due: Infinity });
    const found = await this.#lookUp(name).catch((): readonly IpAddress[] => []);
    // A name with several addresses keeps the one it had: their order may change with each answer.
    // A name service that is down says nothing about the address: the last answer stands.
    const host = last !== undefined && found.includes(last) ? last : found[0] ?? last;
    this.#remember(name, { host, due: this.#now() + (found.length > 0 ? CACHED : RETRY) });
    if (host !== last) this.#onChange();
  }

  #remember(name: string, answer: Answer): void {
    this.#answers.delete(name);
    this.#answers.set(name, answer);
    if (this.#answers.size <= MOST_NAMES) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest!);
  }
}

async function addressesOf(name: string): Promise<IpAddress[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<[]>((resolve) => timer = setTimeout(() => resolve([]), LIMIT));
  try {
    const answers = await Promise.race([lookup(name, { all: true }), limit]);
    return answers.flatMap(({ address }) => parseAddress(address) ?? []).map(unmapAddress);
  } finally {
    clearTimeout(timer);
  }
}
