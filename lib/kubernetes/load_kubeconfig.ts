import { UserError } from "../user_error.ts";
import { type ExecSpec, readExecSpec } from "./exec_credential.ts";
import { type Fields, isFields, kubeconfigContext, textOf } from "./kubeconfig_context.ts";

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
  /** The plugin to ask for a credential. */
  readonly exec: ExecSpec | undefined;
}

/** A kubeconfig's text and where it came from; without a file, the pod's own ServiceAccount. */
export interface KubeconfigText {
  readonly file: string | undefined;
  readonly text: string;
  readonly pathPrefix: string;
}

/** Where a pod has its ServiceAccount, and which ports of the API server are taken for plain HTTP. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const PLAIN_PORTS = new Set(["80", "8080", "8001"]);

/**
 * Understands a kubeconfig, or the environment of a pod.
 *
 * @throws {UserError} if it is malformed, or asks for what Deno's TLS cannot do.
 */
export function loadKubeconfig({ file, text, pathPrefix }: KubeconfigText): LoadedKubeconfig {
  if (file === undefined) return ofPod(pathPrefix);
  const { cluster, user } = kubeconfigContext(text, file);
  const absolute = (path: string | undefined) =>
    path === undefined || path.startsWith("/") ? path : folderOf(file) + path;
  const fileIn = (fields: Fields, key: string) => absolute(textOf(fields[key]));
  // As kubectl has it: what stands in the kubeconfig itself goes before the file that it names.
  const fileUnlessData = (fields: Fields, key: string) =>
    textOf(fields[`${key}-data`]) === undefined ? fileIn(fields, key) : undefined;
  const tokenFile = fileIn(user, "tokenFile");
  const exec = tokenFile === undefined ? user["exec"] : undefined;
  if (tokenFile === undefined && isFields(user["auth-provider"])) {
    throw new UserError(
      `${file} names an auth-provider, which is known no more, nor is it to kubectl since 1.26; ` +
        "name an exec plugin, a client certificate or a token",
    );
  }
  return {
    server: serverOf(cluster, file),
    proxyUrl: textOf(cluster["proxy-url"]),
    caFile: fileUnlessData(cluster, "certificate-authority"),
    certFile: fileUnlessData(user, "client-certificate"),
    keyFile: fileUnlessData(user, "client-key"),
    tokenFile,
    caData: decoded(cluster, "certificate-authority-data", file),
    certData: decoded(user, "client-certificate-data", file),
    keyData: decoded(user, "client-key-data", file),
    headers: headersOf(user),
    exec: isFields(exec)
      ? readExecSpec(exec, cluster, { file, folder: folderOf(file) })
      : undefined,
  };
}

function ofPod(pathPrefix: string): LoadedKubeconfig {
  const [host, port] = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"].map((name) => {
    const value = Deno.env.get(name);
    if (value) return value;
    throw new UserError(
      `no kubeconfig is given, and this is no pod of a cluster (${name} is not set); ` +
        "name a kubeconfig by --kubeconfig FILE",
    );
  }) as [string, string];
  const scheme = PLAIN_PORTS.has(port) ? "http" : "https";
  return {
    server: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`,
    proxyUrl: undefined,
    caFile: `${pathPrefix}${SERVICE_ACCOUNT}/ca.crt`,
    certFile: undefined,
    keyFile: undefined,
    tokenFile: `${pathPrefix}${SERVICE_ACCOUNT}/token`,
    caData: undefined,
    certData: undefined,
    keyData: undefined,
    headers: {},
    exec: undefined,
  };
}

function serverOf(cluster: Fields, file: string): string {
  const server = textOf(cluster["server"]) ?? "";
  if (!URL.canParse(server)) {
    throw new UserError(`${file} names ${JSON.stringify(server)} as server: no URL`);
  }
  const isUnverified = /^true$/i.test(textOf(cluster["insecure-skip-tls-verify"]) ?? "");
  if (isUnverified || textOf(cluster["tls-server-name"])) {
    const option = isUnverified ? "insecure-skip-tls-verify" : "tls-server-name";
    throw new UserError(
      `${file} sets ${option}, which this program cannot do; give the cluster's ` +
        "certificate-authority and an address that its certificate names",
    );
  }
  return server.replace(/\/+$/, "");
}

function headersOf(user: Fields): Record<string, string> {
  const headers: Record<string, string> = {};
  const [name, token, impersonated] = ["username", "token", "as"].map((key) => textOf(user[key]));
  if (name) {
    const bytes = new TextEncoder().encode(`${name}:${textOf(user["password"]) ?? ""}`);
    headers.authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }
  if (token) headers.authorization = `Bearer ${token.trim()}`;
  if (impersonated) headers["impersonate-user"] = impersonated;
  return headers;
}

function folderOf(file: string): string {
  return file.replace(/[^/]*$/, "") || "./";
}

function decoded(fields: Fields, field: string, file: string): string | undefined {
  const data = textOf(fields[field]);
  if (data === undefined) return undefined;
  try {
    return atob(data);
  } catch {
    throw new UserError(`${field} in ${file} is not base64; write it anew`);
  }
}
