import { messageOf, UserError } from "../user_error.ts";
import { AccessReader, type AccessSource, type ClusterAccess } from "./cluster_access.ts";
import { unlessAborted } from "./unless_aborted.ts";

export { CredentialsNotReady } from "./cluster_access.ts";

/** How {@linkcode openCredentials} finds the API server. */
export interface CredentialsOptions extends AccessSource {
  /** How long what was read may be used before the files are looked at again, in ms. Default 1000. */
  readonly rereadMs?: number;
  /** Milliseconds of a clock that does not go back. */
  readonly now?: () => number;
}

/** What one request needs. Dispose of it when the answer has been read to its end. */
export interface Lease extends Disposable {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly client: Deno.HttpClient;
  /** The client's certificate as PEM, where the credential has one. */
  readonly certificate?: string;
}

/** No signal: what is waited for has a limit of its own. */
const NEVER = new AbortController().signal;

/**
 * Opens the credential of a kubeconfig, or of the pod that this runs in.
 *
 * @param signal gives it up, with a credential plugin that still runs.
 * @throws the signal's reason when that is aborted.
 * @throws {CredentialsNotReady} if a file is not there yet: whoever may wait, tries again.
 * @throws {UserError} if it cannot be read or used; the message names the file and the remedy.
 */
export async function openCredentials(
  options: CredentialsOptions = {},
  signal: AbortSignal = NEVER,
): Promise<Credentials> {
  const credentials = new Credentials(options);
  try {
    (await unlessAborted(credentials.lease(), signal))[Symbol.dispose]();
  } catch (error) {
    credentials[Symbol.dispose]();
    throw error;
  }
  return credentials;
}

/**
 * A credential that follows its files: a kubelet's certificate is swapped under a symlink, a pod's
 * token expires every hour. Connections are kept for as long as the bytes stay the same.
 */
export class Credentials implements Disposable {
  readonly #reader: AccessReader;
  readonly #rereadMs: number;
  readonly #now: () => number;
  #access: ClusterAccess | undefined;
  #baseUrl: string | undefined;
  #proxyUrl: string | undefined;
  #readAt = -Infinity;
  #reading: Promise<ClusterAccess> | undefined;
  #shared: SharedClient | undefined;
  #closed = false;

  /** Use {@linkcode openCredentials}, which reads the credential first. */
  constructor({ rereadMs = 1000, now = () => performance.now(), ...source }: CredentialsOptions) {
    this.#reader = new AccessReader(source);
    this.#rereadMs = rereadMs;
    this.#now = now;
  }

  /** Where the API server is, as last read: a credential that is refused does not change that. */
  get baseUrl(): string | undefined {
    return this.#baseUrl;
  }

  /** The proxy that the kubeconfig names, if it does. */
  get proxyUrl(): string | undefined {
    return this.#proxyUrl;
  }

  /**
   * What the next request needs. Fresh files that cannot be used are ignored while the last good
   * credential is accepted: see {@linkcode Credentials.expire}.
   *
   * @throws {UserError} as {@linkcode openCredentials}.
   */
  async lease(): Promise<Lease> {
    const access = await this.#current();
    if (this.#closed) throw new Error("the credentials are closed");
    return this.#clientFor(access).lease(access);
  }

  /** The server refused the credential (401): the next lease reads everything again, or throws. */
  expire(): void {
    this.#access = undefined;
    this.#reader.forget();
    this.#retireClient();
  }

  /** The connection of that lease hangs: later requests take a new one. */
  replaceClient(lease: Lease): void {
    if (this.#shared?.http === lease.client) this.#retireClient(); // else it is replaced already
  }

  /** Closes the connections; those in use, when their leases end. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#reader[Symbol.dispose]();
    this.#retireClient();
  }

  #retireClient(): void {
    this.#shared?.retire();
    this.#shared = undefined;
  }

  #clientFor(access: ClusterAccess): SharedClient {
    if (this.#shared?.serves(access)) return this.#shared;
    try {
      const next = new SharedClient(access);
      this.#shared?.retire();
      return this.#shared = next;
    } catch (error) {
      if (this.#shared === undefined) throw error;
      return this.#shared; // a certificate was swapped, and its key is still to come
    }
  }

  async #current(): Promise<ClusterAccess> {
    if (this.#access !== undefined && this.#now() - this.#readAt < this.#rereadMs) {
      return this.#access;
    }
    this.#reading ??= this.#reader.read().finally(() => this.#reading = undefined);
    try {
      this.#access = await this.#reading;
      this.#baseUrl = this.#access.baseUrl;
      this.#proxyUrl = this.#access.proxyUrl;
    } catch (error) {
      if (this.#access === undefined) throw error;
    }
    this.#readAt = this.#now();
    return this.#access;
  }
}

/** An HttpClient and the number of requests that use it. */
class SharedClient {
  readonly http: Deno.HttpClient;
  readonly #fingerprint: string;
  #leases = 0;
  #retired = false;

  constructor(access: ClusterAccess) {
    this.#fingerprint = fingerprint(access);
    this.http = createClient(access);
  }

  serves(access: ClusterAccess): boolean {
    return fingerprint(access) === this.#fingerprint;
  }

  lease({ baseUrl, headers, cert }: ClusterAccess): Lease {
    this.#leases++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#leases--;
      this.#closeIfIdle();
    };
    return {
      baseUrl,
      headers,
      client: this.http,
      ...(cert !== undefined && { certificate: cert }),
      [Symbol.dispose]: release,
    };
  }

  /** No new leases: closed as soon as the last one ends. */
  retire(): void {
    this.#retired = true;
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#retired && this.#leases === 0) this.http.close();
  }
}

/** Headers are sent with each request: only what concerns the connection makes a new client necessary. */
function fingerprint({ caCerts, cert, key, proxyUrl }: ClusterAccess): string {
  return JSON.stringify([caCerts, cert, key, proxyUrl]);
}

function createClient(access: ClusterAccess): Deno.HttpClient {
  const { caCerts, cert, key, proxyUrl } = access;
  try {
    return Deno.createHttpClient({
      caCerts: [...caCerts],
      // Deno's HTTP/2 keeps a black-holed connection in its pool for good: no request recovers.
      http2: false,
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(proxyUrl === undefined ? {} : { proxy: { url: proxyUrl } }),
    });
  } catch (error) {
    throw new UserError(
      `the certificates of ${access.files.join(", ") || access.baseUrl} cannot be used: ` +
        `${messageOf(error)}; issue them anew`,
      { cause: error },
    );
  }
}
