import { messageOf, UserError } from "../user_error.ts";
import type { ExecCredential } from "./exec_credential.ts";
import { ExecPlugin } from "./exec_plugin.ts";
import { type LoadedKubeconfig, loadKubeconfig } from "./load_kubeconfig.ts";

/** Where the credential of this process comes from. */
export interface AccessSource {
  /** The kubeconfig file. Without it: the ServiceAccount of the pod. */
  readonly kubeconfig?: string | undefined;
  /** What stands before `/var/run/secrets/…` of the pod: empty but in tests. */
  readonly pathPrefix?: string;
}

/** What a connection to the API server needs, as it stands at one moment. */
export interface ClusterAccess {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly caCerts: readonly string[];
  /** PEM, both or neither. */
  readonly cert?: string;
  readonly key?: string;
  readonly proxyUrl?: string;
  /** The files that it was read from, for messages. */
  readonly files: readonly string[];
}

/**
 * The credential is not there yet: the kubeconfig, or a file that it names, does not exist or is
 * empty. A kubelet writes its kubeconfig before it has a certificate, and a spoke starts before the
 * kubelet: so whoever may wait, waits. Everybody else tells the user.
 */
export class CredentialsNotReady extends UserError {
  override name = "CredentialsNotReady";
}

/** A kubeconfig that was read, and the plugin that it names. */
interface Loaded {
  readonly text: string;
  readonly config: LoadedKubeconfig;
  readonly plugin: ExecPlugin | undefined;
}

/** Reads the credential, as often as asked: the files' contents each time, YAML only when it changed. */
export class AccessReader implements Disposable {
  readonly #source: AccessSource;
  #loaded: Loaded | undefined;
  #closed = false;

  constructor(source: AccessSource) {
    this.#source = source;
  }

  /** Forgets what a credential plugin said, so that it is asked again. */
  forget(): void {
    this.#loaded?.plugin?.forget();
  }

  /** Ends a credential plugin that runs. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#loaded?.plugin?.[Symbol.dispose]();
  }

  /**
   * Reads everything.
   *
   * @throws {CredentialsNotReady} if a file is missing.
   * @throws {UserError} if a file cannot be read or used; the message names it.
   */
  async read(): Promise<ClusterAccess> {
    const origin = this.#source.kubeconfig ?? "the pod's ServiceAccount";
    const { config, plugin } = await this.#load();
    const files = new Map<string, Promise<string>>();
    const fileOf = (path: string | undefined) => {
      if (path === undefined) return undefined;
      // Certificate and key may share a file: reading it once cannot catch a swap in between.
      if (!files.has(path)) files.set(path, readCredentialFile(path, origin));
      return files.get(path);
    };
    const [ca, cert, key, token] = await Promise.all([
      fileOf(config.caFile) ?? config.caData,
      fileOf(config.certFile) ?? config.certData,
      fileOf(config.keyFile) ?? config.keyData,
      fileOf(config.tokenFile),
    ]);
    if (this.#closed) throw new Error("the credentials are closed");
    const given: ExecCredential = await plugin?.credential(ca) ?? {};
    const headers: Record<string, string> = { ...config.headers };
    const bearer = given.token ?? token?.trim();
    if (bearer !== undefined) headers.authorization = `Bearer ${bearer}`;
    // The message about a header that is broken would repeat it.
    if (!/^[\x20-\x7e]*$/.test(headers.authorization ?? "")) {
      throw new UserError(
        `the token or password of ${
          config.tokenFile ?? origin
        } has characters that no header has; ` +
          "write it anew, in one line",
      );
    }
    const access = {
      baseUrl: config.server,
      headers,
      caCerts: ca === undefined ? [] : [ca],
      files: [...this.#source.kubeconfig === undefined ? [] : [origin], ...files.keys()],
      ...optional("proxyUrl", config.proxyUrl),
      ...optional("cert", given.cert ?? cert),
      ...optional("key", given.key ?? key),
    };
    checkPem(access, config, origin);
    return access;
  }

  async #load(): Promise<Loaded> {
    const file = this.#source.kubeconfig;
    const text = file === undefined ? "" : await readCredentialFile(file);
    if (this.#loaded?.text !== text) {
      const config = loadKubeconfig({
        file,
        text,
        pathPrefix: this.#source.pathPrefix ?? "",
      });
      this.#loaded?.plugin?.[Symbol.dispose]();
      const plugin = config.exec && new ExecPlugin(config.exec, { file: file ?? "" });
      this.#loaded = { text, config, plugin };
    }
    return this.#loaded;
  }
}

async function readCredentialFile(path: string, namedBy?: string): Promise<string> {
  const where = namedBy === undefined ? `kubeconfig ${path}` : `${path} (named by ${namedBy})`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      if (namedBy === undefined && path.includes(":")) throw severalFiles(path, error);
      throw new CredentialsNotReady(
        `${where} does not exist; create it, or name another kubeconfig by --kubeconfig`,
        { cause: error },
      );
    }
    throw new UserError(`${where} cannot be read (${messageOf(error)}); see to its permissions`, {
      cause: error,
    });
  }
  if (text.trim() === "") throw new CredentialsNotReady(`${where} is empty; write it anew`);
  return text;
}

/** kubectl merges the files of a KUBECONFIG that names several; no waiting makes one of them. */
function severalFiles(path: string, cause: Error): UserError {
  return new UserError(
    `kubeconfig ${path} does not exist, and a list of files is not merged; ` +
      "name one file by --kubeconfig or KUBECONFIG " +
      "(`kubectl config view --flatten --minify` writes one)",
    { cause },
  );
}

function checkPem(access: ClusterAccess, config: LoadedKubeconfig, origin: string): void {
  const bad = (what: string, file: string | undefined, remedy: string) =>
    new UserError(`the ${what} in ${file ?? origin} is not PEM; ${remedy}`);
  // Deno takes a CA without certificates and trusts only the public ones then.
  if (access.caCerts.some((pem) => !pem.includes("-----BEGIN CERTIFICATE-----"))) {
    throw bad("certificate authority", config.caFile, "take the cluster's ca.crt");
  }
  if ((access.cert === undefined) !== (access.key === undefined)) {
    throw new UserError(`${origin} names a client certificate or key without the other; name both`);
  }
  if (access.cert !== undefined && !access.cert.includes("-----BEGIN CERTIFICATE-----")) {
    throw bad("client certificate", config.certFile, "issue it anew");
  }
  if (access.key !== undefined && !/-----BEGIN (\w+ )?PRIVATE KEY-----/.test(access.key)) {
    throw bad("client key", config.keyFile, "issue it anew, without a passphrase");
  }
}

function optional<K extends string>(key: K, value: string | undefined): { [_ in K]?: string } {
  return value === undefined ? {} : { [key]: value } as { [_ in K]?: string };
}
