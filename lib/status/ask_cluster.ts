import { ApiClient } from "../kubernetes/api_client.ts";
import { ApiError } from "../kubernetes/api_error.ts";
import { type CredentialsOptions, openCredentials } from "../kubernetes/credentials.ts";
import { messageOf } from "../user_error.ts";
import { within } from "../within.ts";
import type { ApiStatus } from "./status_report.ts";

/**
 * How long one request, and all of them, may take, in ms: whoever asks for a status waits for it. The
 * credential has a time of its own: what reads it is a library that has to be loaded first.
 */
const REQUEST_LIMIT = 3_000;
const LIMIT = 4_000;
const CREDENTIAL_LIMIT = 10_000;

/** What the cluster answered, and how it does. */
export interface ClusterAnswer<Answer> {
  readonly api: ApiStatus;
  /** Undefined if there was none. */
  readonly answer: Answer | undefined;
}

/**
 * Asks the cluster something with the program's own credential. That it cannot be asked is an answer,
 * too.
 *
 * @throws the signal's reason when that is aborted.
 */
export async function askCluster<Answer>(
  options: CredentialsOptions,
  ask: (api: ApiClient, signal: AbortSignal) => Promise<Answer>,
  signal: AbortSignal,
): Promise<ClusterAnswer<Answer>> {
  let server: string | undefined;
  const status = (parts: Pick<ApiStatus, "ok" | "reason">): ApiStatus => ({
    ...parts,
    ...(server !== undefined && { server }),
  });
  try {
    const opening = new AbortController();
    const credentials = await within(
      CREDENTIAL_LIMIT,
      "the credential",
      openCredentials(options, AbortSignal.any([signal, opening.signal])),
    ).finally(() => opening.abort());
    server = credentials.baseUrl;
    await using api = new ApiClient(credentials, { requestTimeoutMs: REQUEST_LIMIT });
    const stop = new AbortController();
    const answer = await within(LIMIT, "the API", ask(api, AbortSignal.any([signal, stop.signal])))
      .finally(() => stop.abort());
    return { api: status({ ok: true }), answer };
  } catch (error) {
    signal.throwIfAborted();
    return { api: status({ ok: false, reason: explained(error) }), answer: undefined };
  }
}

function explained(error: unknown): string {
  return error instanceof ApiError && error.refusedBy === "rbac"
    ? `may not read Nodes: apply deploy/rbac.yaml (${error.message})`
    : messageOf(error);
}
