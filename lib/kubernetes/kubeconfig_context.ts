import { parse } from "@std/yaml/parse";
import { messageOf, UserError } from "../user_error.ts";

/** A mapping of a kubeconfig. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a kubeconfig's current context names: the cluster, and the user if there is one. */
export interface KubeconfigContext {
  readonly cluster: Fields;
  readonly user: Fields;
}

/**
 * Reads the current context of a kubeconfig (kubectl's format v1: clusters, users and contexts by
 * their names). Every scalar stays text: a token of digits is no number.
 *
 * @param file where the text is from, for messages.
 * @throws {UserError} if it is malformed, or its current context names no cluster of it.
 */
export function kubeconfigContext(text: string, file: string): KubeconfigContext {
  const fault = (what: string) => new UserError(`${file} is no kubeconfig: ${what}; write it anew`);
  let document: unknown;
  try {
    document = parse(text, { schema: "failsafe" });
  } catch (error) {
    throw fault(yamlFault(error));
  }
  if (!isFields(document)) throw fault("it is no mapping of clusters, users and contexts");
  const root = document;
  const named = (list: string, key: string, name: unknown): Fields | undefined => {
    const entries = Array.isArray(root[list]) ? root[list] as unknown[] : [];
    entries.forEach((entry, at) => {
      if (!isFields(entry) || !textOf(entry["name"])) throw fault(`${list}[${at}].name is missing`);
    });
    const found = entries.filter(isFields).find((entry) => entry["name"] === name)?.[key];
    return isFields(found) ? found : undefined;
  };
  const context = named("contexts", "context", root["current-context"]);
  const cluster = named("clusters", "cluster", context?.["cluster"]);
  const user = named("users", "user", context?.["user"]);
  if (cluster === undefined) {
    throw new UserError(
      `${file} has no current-context that names one of its clusters; ` +
        "choose one with `kubectl config use-context`",
    );
  }
  return { cluster, user: user ?? {} };
}

/** How YAML writes that there is no value (its core schema), which is text here as all scalars are. */
const NO_VALUE = /^(~|null|Null|NULL)?$/;

/** A scalar of a kubeconfig; what is empty counts as absent. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && !NO_VALUE.test(value) ? value : undefined;
}

/** Whether it is a mapping. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A YAML parser may quote the text around a fault, which may be a key: only its reason is repeated. */
function yamlFault(error: unknown): string {
  const [, reason, line] = /^(.*) at line (\d+), column \d+/.exec(messageOf(error)) ?? [];
  return reason === undefined ? "it is no YAML" : `line ${line}: ${reason}`;
}
