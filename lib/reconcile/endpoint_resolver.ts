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
  readonly all: readonly IpAddress[];
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
  /** Names of which each address matters: our own server's, so they are few. */
  readonly #whole = new Set<string>();
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
    const host = this.#answerFor(endpoint.host)?.host;
    return host && { host, port: endpoint.port };
  };

  /** All addresses of a host, as far as they are known; an address is its own. */
  addresses(host: string): readonly IpAddress[] {
    const address = parseAddress(host);
    if (address) return [unmapAddress(address)];
    this.#whole.add(host);
    return this.#answerFor(host)?.all ?? [];
  }

  #answerFor(name: string): Answer | undefined {
    const answer = this.#answers.get(name);
    if (!answer || this.#now() >= answer.due) void this.#ask(name, answer);
    return answer;
  }

  async #ask(name: string, before: Answer | undefined): Promise<void> {
    const last = before?.host;
    const lastAll = before?.all ?? [];
    this.#remember(name, { host: last, all: lastAll, due: Infinity });
    const found = await this.#lookUp(name).catch((): readonly IpAddress[] => []);
    // A name with several addresses keeps the one it had: their order may change with each answer.
    // A name service that is down says nothing about the address: the last answer stands.
    const host = last !== undefined && found.includes(last) ? last : found[0] ?? last;
    const all = found.length > 0 ? [...new Set(found)].sort() : lastAll;
    this.#remember(name, { host, all, due: this.#now() + (found.length > 0 ? CACHED : RETRY) });
    const differs = this.#whole.has(name) && all.join() !== lastAll.join();
    if (host !== last || differs) this.#onChange();
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
