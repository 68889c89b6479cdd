import type { NodeView } from "../contract/node.ts";
import { apiErrorOfStatus } from "./api_error.ts";
import { nodeView } from "./node_view.ts";

/** What a watch of Nodes tells. */
export type NodeEvent =
  /** The server has accepted the watch. */
  | { readonly type: "open" }
  /** A Node has come or changed. */
  | { readonly type: "put"; readonly node: NodeView; readonly resourceVersion: string }
  /** A Node has gone, or left the selector. */
  | { readonly type: "gone"; readonly name: string; readonly resourceVersion: string }
  /** Nothing but how far the watch has come. */
  | { readonly type: "bookmark"; readonly resourceVersion: string };

/**
 * The event of one line of a watch.
 *
 * @param what the request, for errors.
 * @param prefix as of {@linkcode nodeView}.
 * @throws {ApiError} if the line tells an error: 410 when the watch began too long ago.
 * @throws {SyntaxError} if it is no JSON.
 */
export function parseNodeEvent(what: string, line: string, prefix = ""): NodeEvent {
  const json: unknown = JSON.parse(line);
  const { type, object } = (json ?? {}) as { type?: unknown; object?: unknown };
  if (type === "ERROR") throw apiErrorOfStatus(what, object);
  const resourceVersion = resourceVersionOf(object);
  const node = type === "BOOKMARK" ? undefined : nodeView(object, prefix);
  if (node === undefined) return { type: "bookmark", resourceVersion };
  if (type === "DELETED") return { type: "gone", name: node.name, resourceVersion };
  return { type: "put", node, resourceVersion };
}

/** `metadata.resourceVersion` of an object or list; empty if there is none. */
export function resourceVersionOf(json: unknown): string {
  const { metadata } = (json ?? {}) as { metadata?: { resourceVersion?: unknown } | null };
  const version = metadata?.resourceVersion;
  return typeof version === "string" ? version : "";
}
