import { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import { Credentials, type CredentialsOptions } from "../kubernetes/credentials.ts";
import { messageOf } from "../user_error.ts";
import type { ApiStatus } from "./status_report.ts";

/** How long one request, and all of them, may take, in ms: whoever asks for a status waits for it. */
const REQUEST_LIMIT = 3_000;
const LIMIT = 4_000;

/** What the cluster answered, and how it does. */
export interface ClusterAnswer<Answer> {
  readonly api: ApiStatus;
  /** Undefined if there was none. */
  readonly answer: Answer | undefined;
}

/**
 * Asks the cluster something with the program's own credential. That it cannot be asked is an answer,
 * too, and comes after four seconds at the latest.
 *
 * @throws the signal's reason when that is aborted.
 */
export async function askCluster<Answer>(
  options: CredentialsOptions,
  ask: (api: ApiClient, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): Promise<ClusterAnswer<Answer>> {
  const limit = AbortSignal.timeout(LIMIT);
  const client = new ApiClient(new Credentials(options), { requestTimeoutMs: REQUEST_LIMIT });
  await using api = client;
  const status = (parts: Pick<ApiStatus, "ok" | "reason">): ApiStatus => ({
    ...parts,
    ...(api.baseUrl !== undefined && { server: api.baseUrl }),
  });
  try {
    const answer = await ask(api, AbortSignal.any([signal, limit]));
    return { api: status({ ok: true }), answer };
  } catch (error) {
    signal.throwIfAborted();
    const reason = limit.aborted ? `no answer for ${LIMIT / 1000} s` : explained(error);
    return { api: status({ ok: false, reason }), answer: undefined };
  }
}

function explained(error: unknown): string {
  return error instanceof ApiError && error.refusedBy === "rbac"
    ? `may not read Nodes: apply deploy/rbac.yaml (${error.message})`
    : messageOf(error);
}
