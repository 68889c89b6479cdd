import type { Who } from "./policy_stage.ts";

/** One request to the API server. */
export interface PolicyRequest {
  readonly who: Who;
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** More headers. */
  readonly headers?: readonly (readonly [string, string])[];
}

/** A request that has to be refused: 422 is a policy's answer, 403 that of RBAC or NodeRestriction. */
export interface Attack extends PolicyRequest {
  readonly status: number;
}

/** These requests, to be refused with that status. */
export function refused(status: number, requests: readonly PolicyRequest[]): Attack[] {
  return requests.map((request) => ({ ...request, status }));
}

export type Metadata = Record<string, unknown>;

const NODE_PATHS = "/api/v1/nodes";
export const nodePath = (name: string) => `${NODE_PATHS}/${name}`;

const CONTENT_TYPES = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
};

/** A patch of a Node, in one of the API's notations; a merge patch of its metadata unless told. */
export function patch(
  who: Who,
  what: string,
  node: string,
  metadata: Metadata,
  notation: "merge" | "strategic" = "merge",
): PolicyRequest {
  const contentType = CONTENT_TYPES[notation];
  return { who, what, method: "PATCH", path: nodePath(node), body: { metadata }, contentType };
}

/** The same by the status subresource, which lets metadata through. */
export function patchStatus(
  who: Who,
  what: string,
  node: string,
  metadata: Metadata,
): PolicyRequest {
  const request = patch(who, what, node, metadata);
  return { ...request, path: `${request.path}/status` };
}

/** Server-side apply, by force. */
export function apply(
  who: Who,
  what: string,
  node: string,
  metadata: Metadata,
): PolicyRequest {
  return {
    who,
    what,
    method: "PATCH",
    path: `${nodePath(node)}?fieldManager=policy-test&force=true`,
    body: { apiVersion: "v1", kind: "Node", metadata: { name: node, ...metadata } },
    contentType: CONTENT_TYPES.apply,
  };
}

/** A JSON patch (RFC 6902). */
export function jsonPatch(
  who: Who,
  what: string,
  node: string,
  operations: readonly Metadata[],
): PolicyRequest {
  const contentType = CONTENT_TYPES.json;
  return { who, what, method: "PATCH", path: nodePath(node), body: operations, contentType };
}

/** A new Node. */
export function create(who: Who, what: string, metadata: Metadata): PolicyRequest {
  const body = { apiVersion: "v1", kind: "Node", metadata };
  return { who, what, method: "POST", path: NODE_PATHS, body };
}

/** A key's name inside a JSON pointer (RFC 6901). */
export const pointer = (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1");
