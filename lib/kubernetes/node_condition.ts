import type { ApiClient } from "./api_client.ts";
import { list, record, text } from "./json_shape.ts";

/** The type of the condition that says whether a Node's tunnel is up. */
export const CONDITION = "WireGuardReady";

/** What a condition says. */
export interface ConditionState {
  readonly status: "True" | "False";
  /** One word in CamelCase, for machines. */
  readonly reason: string;
  /** One sentence, for people. */
  readonly message: string;
}

/** A condition of a Node; times are milliseconds since 1970. */
export interface NodeCondition extends ConditionState {
  /** Since when it has this status. */
  readonly since: number;
  /** When it was last said. */
  readonly saidAt: number;
}

/** Since when a Node's condition has had its status, as the Node says. */
export interface FoundCondition {
  readonly status: string;
  readonly since: number;
}

/**
 * Our condition of a Node; undefined if it has none.
 *
 * @throws {ApiError} 404 without the Node.
 */
export async function readCondition(
  api: Pick<ApiClient, "send">,
  node: string,
  signal: AbortSignal,
): Promise<FoundCondition | undefined> {
  return conditionIn(await api.send({ path: `/api/v1/nodes/${encodeURIComponent(node)}`, signal }));
}

/** Our condition in a Node's JSON, of whose shape nothing is taken for granted. */
export function conditionIn(json: unknown): FoundCondition | undefined {
  const conditions = record(record(json).status).conditions;
  const ours = list(conditions).map(record)
    .find(({ type }) => type === CONDITION);
  const since = Date.parse(text(ours?.lastTransitionTime));
  return ours && !Number.isNaN(since) ? { status: text(ours.status), since } : undefined;
}

/**
 * Sets our condition of a Node, or takes it away (undefined). All else of its status stays.
 *
 * @throws {ApiError} 404 without the Node, 403 without the right, 422 by a policy.
 */
export async function writeCondition(
  api: Pick<ApiClient, "send">,
  node: string,
  condition: NodeCondition | undefined,
  signal: AbortSignal,
): Promise<void> {
  await api.send({
    method: "PATCH",
    path: `/api/v1/nodes/${encodeURIComponent(node)}/status`,
    // Its list of conditions is merged by their types.
    contentType: "application/strategic-merge-patch+json",
    body: { status: { conditions: [condition ? printed(condition) : REMOVAL] } },
    signal,
  });
}

const REMOVAL = { type: CONDITION, $patch: "delete" };

function printed({ status, reason, message, since, saidAt }: NodeCondition) {
  const [lastTransitionTime, lastHeartbeatTime] = [since, saidAt]
    .map((ms) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z"));
  return { type: CONDITION, status, reason, message, lastTransitionTime, lastHeartbeatTime };
}
