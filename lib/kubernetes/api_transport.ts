import { messageOf } from "../user_error.ts";
import { ApiError, apiErrorOf, ApiUnreachable } from "./api_error.ts";
import type { Credentials, Lease } from "./credentials.ts";
import { splitLines } from "./split_lines.ts";
import { unlessAborted } from "./unless_aborted.ts";
import { Watchdog } from "./watchdog.ts";

/** Any request. */
export interface ApiRequest {
  /** Default GET. */
  readonly method?: string;
  /** e.g. `/api/v1/nodes` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly accept?: string;
  readonly contentType?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** What can be set of an {@linkcode ApiTransport}. */
export interface TransportOptions {
  /** How long a request may take, its answer read to the end, in ms. Default 15,000. */
  readonly requestTimeoutMs?: number;
  readonly userAgent?: string;
  /** Told of each request when it has ended, or its watch has begun: with the error that was thrown. */
  onRequest?(request: ApiRequest, error?: unknown): void;
}

/** Where a transport gets what its requests need: {@linkcode Credentials}. */
export type CredentialSource =
  & Pick<Credentials, "baseUrl" | "proxyUrl" | "lease" | "expire" | "replaceClient">
  & Disposable;

const JSON_TYPE = "application/json";

/**
 * One request after the other to the API server. Each has a time limit and is made once, twice after
 * a 401: trying again is the caller's, who knows what has changed meanwhile. They throw
 * {@linkcode ApiError} where the server refuses, {@linkcode ApiUnreachable} where it does not answer,
 * a UserError where the credential cannot be read, and the signal's reason if that was aborted.
 */
export class ApiTransport implements Disposable {
  readonly #credentials: CredentialSource;
  readonly #timeoutMs: number;
  readonly #userAgent: string;
  readonly #onRequest: NonNullable<TransportOptions["onRequest"]>;

  /** The transport owns the credentials: it closes them. */
  constructor(credentials: CredentialSource, options: TransportOptions = {}) {
    this.#credentials = credentials;
    this.#timeoutMs = options.requestTimeoutMs ?? 15_000;
    this.#userAgent = options.userAgent ?? "wg-kube";
    this.#onRequest = options.onRequest ?? (() => {});
  }

  /** Where the API server is, as the credential says. */
  get baseUrl(): string | undefined {
    return this.#credentials.baseUrl;
  }

  /** The proxy that the credential names, if it does. */
  get proxyUrl(): string | undefined {
    return this.#credentials.proxyUrl;
  }

  /**
   * A request, and its answer's JSON.
   *
   * @returns undefined if the answer is empty.
   */
  send(request: ApiRequest): Promise<unknown> {
    return this.#told(request, this.#exchange(request));
  }

  async #exchange(request: ApiRequest): Promise<unknown> {
    const what = describe(request);
    using limit = new Watchdog(this.#timeoutMs, () => silence(what, this.#timeoutMs));
    const { response, lease } = await this.#open(
      request,
      AbortSignal.any([request.signal, limit.signal]),
    );
    using _ = lease;
    let text: string;
    try {
      text = await response.text();
    } catch (error) {
      throw this.#fault(what, error, request.signal, lease);
    }
    return text === "" ? undefined : parseJson(what, text);
  }

  /**
   * The lines of an answer that has no end. The first is empty: the server has accepted the request.
   *
   * @param idleMs the silence after which the connection counts as dead.
   */
  async *lines(request: ApiRequest, idleMs: number): AsyncGenerator<string> {
    const what = describe(request);
    using idle = new Watchdog(idleMs, () => silence(what, idleMs));
    const opening = new Watchdog(this.#timeoutMs, () => silence(what, this.#timeoutMs));
    const left = new AbortController();
    const signals = [request.signal, idle.signal, opening.signal, left.signal];
    const opened = this.#open(request, AbortSignal.any(signals))
      .finally(() => opening[Symbol.dispose]());
    const { response, lease } = await this.#told(request, opened);
    using _ = lease;
    idle.feed();
    try {
      yield "";
      yield* splitLines(fed(response, idle));
    } catch (error) {
      throw this.#fault(what, error, request.signal, lease);
    } finally {
      left.abort(); // whoever stops listening hangs up
    }
  }

  /** Tells whoever counts requests how this one went, unless the caller gave it up. */
  async #told<T>(request: ApiRequest, outcome: Promise<T>): Promise<T> {
    try {
      const value = await outcome;
      this.#onRequest(request);
      return value;
    } catch (error) {
      if (!request.signal.aborted) this.#onRequest(request, error);
      throw error;
    }
  }

  /** The next request reads the credential again, and takes a new connection. */
  renew(): void {
    this.#credentials.expire();
  }

  /** Closes the connections as soon as the requests under way have ended. */
  [Symbol.dispose](): void {
    this.#credentials[Symbol.dispose]();
  }

  /** Sends the request, once more after a 401, and gives an answer of 2xx with its body still unread. */
  async #open(
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<{ response: Response; lease: Lease }> {
    for (let attempt = 0;; attempt++) {
      const lease = await unlessAborted(this.#credentials.lease(), signal);
      try {
        const response = await this.#fetch(request, lease, signal);
        if (response.ok) return { response, lease };
        // Read to its end: a body that is cancelled costs the connection.
        const body = await response.text();
        throw apiErrorOf(describe(request), response.status, body, response.headers);
      } catch (error) {
        lease[Symbol.dispose]();
        const refused = error instanceof ApiError && error.status === 401;
        if (refused) this.#credentials.expire();
        if (refused && attempt === 0) continue;
        throw this.#fault(describe(request), error, request.signal, lease);
      }
    }
  }

  #fetch(request: ApiRequest, lease: Lease, signal: AbortSignal): Promise<Response> {
    const { method = "GET", path, query = {}, accept = JSON_TYPE, body } = request;
    const url = new URL(lease.baseUrl + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const headers = { ...lease.headers, accept, "user-agent": this.#userAgent };
    return fetch(url, {
      method,
      client: lease.client,
      signal,
      redirect: "manual", // a credential follows nobody
      headers: body === undefined
        ? headers
        : { ...headers, "content-type": request.contentType ?? JSON_TYPE },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The error to throw for one that was caught; a connection that hangs is given up. */
  #fault(what: string, error: unknown, signal: AbortSignal, lease: Lease): unknown {
    if (signal.aborted) return signal.reason;
    if (error instanceof ApiError) return error;
    if (error instanceof ApiUnreachable) {
      if (error.timedOut) this.#credentials.replaceClient(lease);
      return error;
    }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    // Without the whole URL, so that one fault reads the same each time.
    const told = messageOf(cause).replace(/^error sending request for url \(\S*\): /, "");
    return new ApiUnreachable(`${what}: ${told}`, { cause: error });
  }
}

/** A request in a message. */
export function describe({ method = "GET", path, query = {} }: ApiRequest): string {
  return `${query.watch === undefined ? method : "WATCH"} ${path}`;
}

function silence(what: string, ms: number): ApiUnreachable {
  return new ApiUnreachable(`${what}: no answer for ${ms / 1000} s`, { timedOut: true });
}

async function* fed(
  response: Response,
  watchdog: Watchdog,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of response.body ?? []) {
    watchdog.feed();
    yield chunk;
  }
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiUnreachable(`${what}: the answer is no JSON (is a proxy in between?)`, {
      cause: error,
    });
  }
}
