import type { AnnotationKeys } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";

/** The keys under which a Node says something of itself: its key, endpoint and prefixes. */
export function saidBy(node: NodeView, keys: AnnotationKeys): string[] {
  return [keys.publicKey, keys.endpoint, keys.allowedIPs]
    .filter((key) => node.annotations[key] !== undefined);
}

/**
 * Takes from the Node what it says of itself: key, endpoint and prefixes. The label stays as it is:
 * it is the administrator's.
 *
 * @returns the keys that were removed.
 * @throws {ApiError | ApiUnreachable}
 */
export async function withdraw(
  api: Pick<ApiClient, "patchNode">,
  node: NodeView,
  keys: AnnotationKeys,
  signal: AbortSignal,
): Promise<string[]> {
  const said = saidBy(node, keys);
  if (said.length === 0) return said;
  const annotations = Object.fromEntries(said.map((key) => [key, null]));
  await api.patchNode(node.name, { annotations }, signal);
  return said;
}
