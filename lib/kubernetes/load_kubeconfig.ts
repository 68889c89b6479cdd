import type { KubeConfig } from "@kubernetes/client-node/config";
import { messageOf, UserError } from "../user_error.ts";

/** A kubeconfig's current context, with the files that it names still unread. */
export interface LoadedKubeconfig {
  readonly server: string;
  readonly proxyUrl: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly tokenFile: string | undefined;
  /** PEM that stands in the kubeconfig itself. */
  readonly caData: string | undefined;
  readonly certData: string | undefined;
  readonly keyData: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Asks an exec plugin or auth provider. Its answer is kept until it expires. */
  readonly plugin: (() => Promise<PluginCredential>) | undefined;
}

/** What a credential plugin gives. */
export interface PluginCredential {
  readonly headers?: Readonly<Record<string, string>>;
  readonly cert?: string;
  readonly key?: string;
}

/** A kubeconfig's text and where it came from; without a file, the pod's own ServiceAccount. */
export interface KubeconfigText {
  readonly file: string | undefined;
  readonly text: string;
  readonly pathPrefix: string;
}

/**
 * Understands a kubeconfig, or the environment of a pod. The library that does so is imported here,
 * at the first call: it is large, and a spoke raises its tunnel before it needs one.
 *
 * @throws {UserError} if it is malformed, or asks for what Deno's TLS cannot do.
 */
export async function loadKubeconfig(source: KubeconfigText): Promise<LoadedKubeconfig> {
  const config = new (await import("@kubernetes/client-node/config")).KubeConfig();
  if (source.file === undefined) {
    checkPod();
    config.loadFromCluster(source.pathPrefix);
  } else {
    parseInto(config, source.file, source.text);
  }
  return await currentContextOf(config, source);
}

function checkPod(): void {
  const unset = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
    .find((name) => !Deno.env.get(name));
  if (unset !== undefined) {
    throw new UserError(
      `no kubeconfig is given, and this is no pod of a cluster (${unset} is not set); ` +
        "name a kubeconfig by --kubeconfig FILE",
    );
  }
}

function parseInto(config: KubeConfig, file: string, text: string): void {
  try {
    config.loadFromString(text);
    config.makePathsAbsolute(folderOf(file));
  } catch (error) {
    throw new UserError(`${file} is no kubeconfig: ${yamlFault(error)}; write it anew`);
  }
}

/** A YAML parser quotes the text around a fault, which may be a key: only its reason is repeated. */
function yamlFault(error: unknown): string {
  if (error instanceof TypeError) return "it is no mapping of clusters, users and contexts";
  if (!(error instanceof Error) || error.name !== "YAMLException") return messageOf(error);
  const { reason, mark } = error as { reason?: unknown; mark?: { line?: unknown } };
  const line = typeof mark?.line === "number" ? `line ${mark.line + 1}: ` : "";
  return `${line}${typeof reason === "string" ? reason : "it is no YAML"}`;
}

async function currentContextOf(
  config: KubeConfig,
  source: KubeconfigText,
): Promise<LoadedKubeconfig> {
  const origin = source.file ?? "the pod's environment";
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new UserError(
      `${origin} has no current-context that names one of its clusters; ` +
        "choose one with `kubectl config use-context`",
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw new UserError(`${origin} names ${JSON.stringify(cluster.server)} as server: no URL`);
  }
  if (cluster.skipTLSVerify || cluster.tlsServerName) {
    const option = cluster.skipTLSVerify ? "insecure-skip-tls-verify" : "tls-server-name";
    throw new UserError(
      `${origin} sets ${option}, which this program cannot do; give the cluster's ` +
        "certificate-authority and an address that its certificate names",
    );
  }
  const user = config.getCurrentUser();
  const tokenFile = tokenFileOf(user?.authProvider) ?? await tokenFileInText(source, user?.name);
  const needsPlugin = user !== null && tokenFile === undefined &&
    Boolean(user.exec || user.authProvider);
  return {
    server: cluster.server.replace(/\/+$/, ""),
    proxyUrl: cluster.proxyUrl || undefined,
    caFile: cluster.caFile || undefined,
    certFile: user?.certFile || undefined,
    keyFile: user?.keyFile || undefined,
    tokenFile,
    caData: decoded(cluster.caData, "certificate-authority-data", origin),
    certData: decoded(user?.certData, "client-certificate-data", origin),
    keyData: decoded(user?.keyData, "client-key-data", origin),
    headers: user === null ? {} : headersOf(user),
    plugin: needsPlugin ? () => askPlugin(config) : undefined,
  };
}

function headersOf(user: NonNullable<ReturnType<KubeConfig["getCurrentUser"]>>) {
  const headers: Record<string, string> = {};
  if (user.username) {
    const bytes = new TextEncoder().encode(`${user.username}:${user.password ?? ""}`);
    headers.authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }
  if (user.token) headers.authorization = `Bearer ${user.token.trim()}`;
  if (user.impersonateUser) headers["impersonate-user"] = user.impersonateUser;
  return headers;
}

/** The library represents a pod's token as an auth provider; it reads it once a minute, we as it changes. */
function tokenFileOf(authProvider: unknown): string | undefined {
  const file = (authProvider as { config?: { tokenFile?: unknown } } | null | undefined)?.config
    ?.tokenFile;
  return typeof file === "string" ? file : undefined;
}

/** `tokenFile` of a user, which the library overlooks. */
async function tokenFileInText(
  source: KubeconfigText,
  user: string | undefined,
): Promise<string | undefined> {
  if (!source.text.includes("tokenFile")) return undefined;
  const { parse } = await import("@std/yaml/parse");
  const document: { users?: { name?: unknown; user?: { tokenFile?: unknown } | null }[] } = parse(
    source.text,
  );
  const file = document.users?.find((entry) => entry.name === user)?.user?.tokenFile;
  if (typeof file !== "string") return undefined;
  return file.startsWith("/") ? file : folderOf(source.file!) + file;
}

function folderOf(file: string): string {
  return file.replace(/[^/]*$/, "") || "./";
}

function decoded(data: string | undefined, field: string, origin: string): string | undefined {
  if (!data) return undefined;
  try {
    return atob(data);
  } catch {
    throw new UserError(`${field} in ${origin} is not base64; write it anew`);
  }
}

async function askPlugin(config: KubeConfig): Promise<PluginCredential> {
  const given: { headers?: Record<string, string>; cert?: unknown; key?: unknown } = {};
  await config.applyToHTTPSOptions(given);
  const { headers = {}, cert, key } = given;
  return {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    ...(cert === undefined ? {} : { cert: String(cert) }),
    ...(key === undefined ? {} : { key: String(key) }),
  };
}
