import { ApiError, ApiUnreachable } from "../kubernetes/api_error.ts";
import type { ApiRequest } from "../kubernetes/api_transport.ts";

/** A request in the words of Kubernetes: a few verbs and resources, whatever is asked for. */
export interface RequestKind {
  readonly verb: string;
  readonly resource: string;
}

/** The verb and the resource of a request, as RBAC names them. */
export function requestKind(
  { method = "GET", path, query = {} }: Pick<ApiRequest, "method" | "path" | "query">,
): RequestKind {
  if (/^\/api\/v1\/nodes\/[^/]+\/status$/.test(path)) {
    return { verb: method.toLowerCase(), resource: "nodes/status" };
  }
  const [, resource, name] = /^\/apis?\/(?:[^/]+\/)*?(nodes|events)(\/[^/]+)?$/.exec(path) ?? [];
  if (resource === undefined) return { verb: method.toLowerCase(), resource: "other" };
  if (query.watch !== undefined) return { verb: "watch", resource };
  const verbs: Record<string, string> = {
    GET: name === undefined ? "list" : "get",
    POST: "create",
    PATCH: "patch",
  };
  return { verb: verbs[method] ?? method.toLowerCase(), resource };
}

/** Why a request failed: the status of the answer, or why there was none. */
export function failureKind(error: unknown): string {
  if (error instanceof ApiError) return String(error.status);
  if (error instanceof ApiUnreachable) return error.timedOut ? "timeout" : "unreachable";
  return "credential";
}
