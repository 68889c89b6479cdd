import { type AnnotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import { planPublication, type Publication } from "../contract/publication.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";

/** Something of the cluster stands in the way, which only its administrator can mend: say it, and keep trying. */
export class Refused extends Error {
  override name = "Refused";
}

/**
 * Makes the Node say what it should. Only what differs is patched; the label goes first.
 *
 * @returns the keys that were set.
 * @throws {Refused} if the API server does not allow it, with what its administrator can do.
 * @throws {ApiError} for any other answer; a Node that is not there (yet) is a 404.
 */
export async function publish(
  api: Pick<ApiClient, "patchNode">,
  node: NodeView,
  wanted: Publication,
  keys: AnnotationKeys,
  signal: AbortSignal,
): Promise<string[]> {
  const set: string[] = [];
  for (const patch of planPublication(node, wanted, keys)) {
    const names = Object.keys({ ...patch.labels, ...patch.annotations });
    const marks = Object.entries(patch.labels ?? {}).filter(([, value]) => value === MARKED);
    try {
      await api.patchNode(node.name, patch, signal);
    } catch (error) {
      throw error instanceof ApiError
        ? refusalOf(error, node.name, names, marks.map(([key]) => key))
        : error;
    }
    set.push(...names);
  }
  return set;
}

function refusalOf(
  error: ApiError,
  node: string,
  names: readonly string[],
  labels: readonly string[],
): Error {
  const what = `may not set ${names.join(", ")} on node ${node}`;
  const remedy = error.refusedBy === "rbac"
    ? "apply deploy/rbac.yaml"
    : error.refusedBy !== "policy"
    ? undefined
    : labels.length > 0
    ? `an administrator must label this node: kubectl label node ${node} ` +
      labels.map((label) => `${label}=${MARKED}`).join(" ")
    : "an admission policy of the cluster forbids it: compare it with deploy/policy";
  return remedy === undefined
    ? error
    : new Refused(`${what}: ${remedy} (${error.message})`, { cause: error });
}
