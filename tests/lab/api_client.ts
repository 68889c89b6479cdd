/** Who asks: a client certificate or a bearer token, and the authority that the server is known by. */
export interface ApiCredentials {
  readonly server: string;
  /** None: those that Deno knows, or a server without TLS. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
}

export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON, or the text where it is none. */
  readonly body: unknown;
}

/** The kinds of patch that the API server knows, by content type. */
const CONTENT_TYPES: Record<string, string> = { PATCH: "application/merge-patch+json" };

/** Plain requests to a cluster's API, for tests that set the stage or look behind it. */
export class ApiClient implements Disposable {
  readonly #credentials: ApiCredentials;
  readonly #client: Deno.HttpClient;

  constructor(credentials: ApiCredentials) {
    this.#credentials = credentials;
    const { ca, certificate, key } = credentials;
    this.#client = Deno.createHttpClient({
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      http2: false,
      ...(certificate !== undefined && key !== undefined ? { cert: certificate, key } : {}),
    });
  }

  /**
   * Sends a request and reads the answer, whatever its status.
   *
   * @param body a text is sent as it is: not all that a server reads can be printed from a value.
   * @param contentType what the body is; unless told, a PATCH is a merge patch.
   * @param headers more of them.
   */
  async request(
    method: string,
    path: string,
    body?: unknown,
    contentType = CONTENT_TYPES[method] ?? "application/json",
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<ApiAnswer> {
    const { server, token } = this.#credentials;
    const response = await fetch(`${server}${path}`, {
      method,
      client: this.#client,
      signal: AbortSignal.timeout(30_000),
      headers: [
        ["content-type", contentType],
        ...(token === undefined ? [] : [["authorization", `Bearer ${token}`] as const]),
        ...headers,
      ].map(([name, value]): [string, string] => [name, value]),
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  }

  /**
   * Sends a request that must succeed.
   *
   * @throws {Error} with the server's answer for any status from 300.
   */
  async expect(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.request(method, path, body);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
