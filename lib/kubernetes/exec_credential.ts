import { encodeBase64 } from "@std/encoding/base64";
import { UserError } from "../user_error.ts";
import { type Fields, isFields, textOf } from "./kubeconfig_context.ts";

/**
 * The words of credential plugins: what a kubeconfig says of one, what it is told, what it answers
 * (client.authentication.k8s.io/v1 and v1beta1; kubernetes.io, "Authenticating", "client-go credential
 * plugins").
 */
const GROUP = "client.authentication.k8s.io";
const VERSIONS: readonly string[] = [`${GROUP}/v1`, `${GROUP}/v1beta1`];

/** What a kubeconfig says of a credential plugin. */
export interface ExecSpec {
  /** A path, or a name that is looked up in `PATH`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
  readonly apiVersion: string;
  /** What its author says to somebody who has not installed it. */
  readonly installHint: string | undefined;
  /** The cluster in the plugin's words, but for the authority; undefined if it is not to be told. */
  readonly cluster: Fields | undefined;
}

/** A plugin's answer: a token, a client certificate, or both. */
export interface ExecCredential {
  readonly token?: string;
  /** PEM, both or neither. */
  readonly cert?: string;
  readonly key?: string;
  /** Milliseconds since 1970; undefined: good until the server refuses it. */
  readonly expiresAt?: number;
}

/**
 * Reads the `exec` of a kubeconfig's user.
 *
 * @param folder of the kubeconfig, with a slash at its end: a relative path starts there.
 * @param file the kubeconfig, for messages.
 * @throws {UserError} if it cannot be done as it says.
 */
export function readExecSpec(
  exec: Fields,
  cluster: Fields,
  { file, folder }: { readonly file: string; readonly folder: string },
): ExecSpec {
  const fault = (what: string) => new UserError(`the credential plugin that ${file} names ${what}`);
  const command = textOf(exec["command"]);
  if (command === undefined) throw fault("has no command; name one");
  const apiVersion = textOf(exec["apiVersion"]);
  if (apiVersion === undefined || !VERSIONS.includes(apiVersion)) {
    throw fault(`(${command}) has no apiVersion that is known; write ${VERSIONS.join(" or ")}`);
  }
  if (exec["interactiveMode"] === "Always") {
    throw fault(`(${command}) asks somebody at a terminal, and here is none; take another`);
  }
  const listOf = (key: string) => Array.isArray(exec[key]) ? exec[key] as unknown[] : [];
  const variables = listOf("env").map((entry) => {
    const { name, value } = fieldsOf(entry);
    const variable = textOf(name);
    if (variable === undefined) throw fault(`(${command}) has a variable without a name`);
    return [variable, typeof value === "string" ? value : ""] as const;
  });
  return {
    command: command.includes("/") && !command.startsWith("/") ? folder + command : command,
    args: listOf("args").filter((arg) => typeof arg === "string"),
    env: Object.fromEntries(variables),
    apiVersion,
    installHint: textOf(exec["installHint"]),
    cluster: exec["provideClusterInfo"] === "true" ? clusterInfo(cluster) : undefined,
  };
}

/** What the plugin finds in its variable `KUBERNETES_EXEC_INFO`. */
export function printExecInfo({ apiVersion, cluster }: ExecSpec, ca: string | undefined): string {
  const authority = ca === undefined ? {} : { "certificate-authority-data": encodeBase64(ca) };
  return JSON.stringify({
    kind: "ExecCredential",
    apiVersion,
    spec: {
      ...(cluster === undefined ? {} : { cluster: { ...cluster, ...authority } }),
      interactive: false,
    },
  });
}

/**
 * Reads what a plugin printed.
 *
 * @throws {Error} if that is no credential. The message repeats nothing of it, for it may be one.
 */
export function parseExecCredential(text: string, apiVersion: string): ExecCredential {
  const answer = fieldsOf(jsonOf(text));
  if (answer["kind"] !== "ExecCredential" || answer["apiVersion"] !== apiVersion) {
    throw new Error(`what it printed is no ExecCredential of ${apiVersion}`);
  }
  const status = fieldsOf(answer["status"]);
  const [token, cert, key, expiry] = [
    "token",
    "clientCertificateData",
    "clientKeyData",
    "expirationTimestamp",
  ].map((name) => scalarOf(status, name));
  // Anything else would break the header that it is for; and the message about that repeats it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error("status.token of what it printed is no token: printable ASCII, without spaces");
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error("it printed a client certificate or a key without the other");
  }
  if (token === undefined && cert === undefined) {
    throw new Error("it printed neither a token nor a client certificate");
  }
  return {
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(expiry === undefined ? {} : { expiresAt: timeOf(expiry) }),
  };
}

/** The longest piece of a plugin's complaint that is repeated, in characters. */
const COMPLAINT = 200;
/** Controls, invisible format characters, line separators, lone surrogates. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
/** Words of 16 characters and more, and of 8 with a digit among them. */
const SECRET_LIKE =
  /[^\s"'`,;:=()[\]{}<>]{16,}|(?=[^\d\s"'`,;:=()[\]{}<>]*\d)[^\s"'`,;:=()[\]{}<>]{8,}/g;

/**
 * The first line of what a plugin said on standard error, fit for a log: what may be a secret is
 * blanked, which is any value of its variables, any long word and any word like a key.
 *
 * @returns empty if there is none.
 */
export function cleanedComplaint(stderr: string, env: ExecSpec["env"]): string {
  const line = stderr.split(/[\r\n]+/).find((text) => text.trim() !== "") ?? "";
  const secrets = Object.values(env).filter((value) => value.length > 3);
  return secrets
    .reduce((text, secret) => text.replaceAll(secret, "…"), line)
    .replaceAll(HIDDEN, " ")
    .replaceAll(SECRET_LIKE, "…")
    .trim()
    .slice(0, COMPLAINT);
}

/** The plugin's words for a cluster are the kubeconfig's, typed; `config` is what is there for plugins. */
function clusterInfo(cluster: Fields): Fields {
  const extensions = Array.isArray(cluster["extensions"]) ? cluster["extensions"] as unknown[] : [];
  const own = extensions.map(fieldsOf).find(({ name }) => name === `${GROUP}/exec`);
  const proxy = textOf(cluster["proxy-url"]);
  return {
    server: textOf(cluster["server"]) ?? "",
    ...(proxy === undefined ? {} : { "proxy-url": proxy }),
    ...(own === undefined ? {} : { config: own["extension"] }),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch { // whose message shows a piece of the text
    throw new Error(text.trim() === "" ? "it printed nothing" : "what it printed is no JSON");
  }
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function scalarOf(status: Fields, name: string): string | undefined {
  const value = status[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new Error(`status.${name} of what it printed is no text`);
  return value;
}

function timeOf(expiry: string): number {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(expiry) ? Date.parse(expiry) : NaN;
  if (Number.isNaN(time)) {
    throw new Error("status.expirationTimestamp of what it printed is no time (RFC 3339)");
  }
  return time;
}
