import type { ApiClient } from "../kubernetes/api_client.ts";
import { EVENT_NAMESPACE } from "../kubernetes/node_report.ts";
import type { Right } from "./checks/rights.ts";

/** A right as Kubernetes names it: the resourceAttributes of a SelfSubjectAccessReview. */
export interface NeededRight {
  readonly verb: string;
  readonly resource: "nodes" | "events";
  /** Absent: that of the core. */
  readonly group?: string;
  readonly namespace?: string;
  /** Absent: of any name. */
  readonly name?: string;
}

/** What a hub asks of the API. */
export const HUB_RIGHTS: readonly NeededRight[] = [
  ...["get", "list", "watch", "patch"].map((verb) => ({ verb, resource: "nodes" } as const)),
  { verb: "create", resource: "events", group: "events.k8s.io", namespace: EVENT_NAMESPACE },
];

/** What a spoke asks of the API: its own Node is its kubelet's, the others it looks through for hubs. */
export function spokeRights(name: string): NeededRight[] {
  return [
    ...["get", "patch"].map((verb) => ({ verb, resource: "nodes", name } as const)),
    ...["list", "watch"].map((verb) => ({ verb, resource: "nodes" } as const)),
  ];
}

/** Asks the API server which of these rights this credential has. It may always be asked that. */
export async function readRights(
  api: Pick<ApiClient, "send">,
  needed: readonly NeededRight[],
  signal: AbortSignal,
): Promise<Right[]> {
  return await Promise.all(needed.map(async (right) => {
    const { verb, resource, namespace, name } = right;
    const what = [
      verb,
      resource,
      ...(name ? [name] : []),
      ...(namespace ? [`in ${namespace}`] : []),
    ]
      .join(" ");
    const review = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: right },
    };
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    const answer = await api.send({ method: "POST", path, body: review, signal }).catch(() => {
      signal.throwIfAborted();
    });
    const allowed = (answer as { status?: { allowed?: unknown } } | undefined)?.status?.allowed;
    return { what, allowed: typeof allowed === "boolean" ? allowed : undefined };
  }));
}
