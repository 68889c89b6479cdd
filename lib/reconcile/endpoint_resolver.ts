import { type IpAddress, parseAddress, unmapAddress } from "../ip/address.ts";
import { type Endpoint, isResolved, type ResolvedEndpoint } from "../ip/endpoint.ts";

/** How long an answer of the name service serves, in ms; and how long it is left alone if it had none. */
const CACHED = 60_000;
const RETRY = 5_000;
/** Names remembered at most, and waiting at most: strangers choose them. */
const MOST_NAMES = 10_000;
/**
 * Look-ups under way at most. Each holds a thread until getaddrinfo(3) gives up, 10 s and more before
 * a silent name server, and the files of this program are read by the same threads.
 */
const AT_ONCE = 4;
/** A caller asks for all of its names in one go: what he left out this long before others is not wanted. */
const ONE_GO = 1_000;

/** Asks the name service for all addresses of a name. Is waited for to its end, and cannot be stopped. */
export type LookUp = (name: string) => Promise<readonly IpAddress[]>;

interface Answer {
  readonly host: IpAddress | undefined;
  readonly all: readonly IpAddress[];
  /** Since when `host` is the address that is given. */
  readonly since: number;
  /** When to ask again. */
  readonly due: number;
}

/**
 * Turns host names in endpoints into addresses, off the loop: whoever asks gets what is known now,
 * and `onChange` says when an answer has come that differs from the last.
 */
export class EndpointResolver {
  /** The name that was answered longest ago comes first. */
  readonly #answers = new Map<string, Answer>();
  /** Names of which each address matters: our own server's, so they are few. */
  readonly #whole = new Set<string>();
  /** Names to be looked up, the one that waits longest first; and when each was last asked for. */
  readonly #waiting = new Map<string, number>();
  readonly #underWay = new Set<string>();
  /** When any name was last asked for. */
  #askedAt = -Infinity;
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

  /**
   * Nobody answers at the address that is given for a name: if it has been given for as long as an
   * answer serves, the name's next address is, for the dead one may stand beside the new one.
   */
  rotate({ host: name }: Endpoint): void {
    const answer = this.#answers.get(name);
    if (answer?.host === undefined || this.#now() - answer.since < CACHED) return;
    const { all, host } = answer;
    const next = all[(all.indexOf(host) + 1) % all.length];
    if (next !== undefined) this.#answers.set(name, { ...answer, host: next, since: this.#now() });
  }

  /** All addresses of a host, as far as they are known; an address is its own. */
  addresses(host: string): readonly IpAddress[] {
    const address = parseAddress(host);
    if (address) return [unmapAddress(address)];
    this.#whole.add(host);
    return this.#answerFor(host)?.all ?? [];
  }

  #answerFor(name: string): Answer | undefined {
    const answer = this.#answers.get(name);
    const now = this.#askedAt = this.#now();
    if (this.#waiting.has(name)) this.#waiting.set(name, now); // it keeps its place
    else if (!this.#underWay.has(name) && (!answer || now >= answer.due)) {
      if (this.#waiting.size < MOST_NAMES) this.#waiting.set(name, now);
    }
    this.#lookUpNext();
    return answer;
  }

  #lookUpNext(): void {
    while (this.#underWay.size < AT_ONCE) {
      const name = this.#next();
      if (name === undefined) return;
      void this.#ask(name);
    }
  }

  /** Our own server's name goes first: no stranger's makes it wait. */
  #next(): string | undefined {
    for (const name of this.#whole) {
      if (this.#waiting.delete(name)) return name;
    }
    for (const [name, askedAt] of this.#waiting) {
      this.#waiting.delete(name);
      // A Node that changes its name again and again has one place in the queue, not one for each.
      if (this.#askedAt - askedAt <= ONE_GO) return name;
    }
    return undefined;
  }

  async #ask(name: string): Promise<void> {
    this.#underWay.add(name);
    const found = await this.#lookUp(name).catch((): readonly IpAddress[] => []);
    this.#underWay.delete(name);
    const { host: last, all: lastAll = [], since = 0 } = this.#answers.get(name) ?? {};
    // A name with several addresses keeps the one it had: their order may change with each answer.
    // A name service that is down says nothing about the address: the last answer stands.
    const host = last !== undefined && found.includes(last) ? last : found[0] ?? last;
    const all = found.length > 0 ? [...new Set(found)].sort() : lastAll;
    const now = this.#now();
    this.#remember(name, {
      host,
      all,
      since: host === last ? since : now,
      due: now + (found.length > 0 ? CACHED : RETRY),
    });
    const differs = this.#whole.has(name) && all.join() !== lastAll.join();
    if (host !== last || differs) this.#onChange();
    this.#lookUpNext();
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
  const { lookup } = await import("node:dns/promises"); // late: most spokes have no name to look up
  const answers = await lookup(name, { all: true });
  return answers.flatMap(({ address }) => parseAddress(address) ?? []).map(unmapAddress);
}
