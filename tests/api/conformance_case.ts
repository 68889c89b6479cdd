import { assertEquals, assertRejects } from "@std/assert";
import type { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { ApiError } from "../../lib/kubernetes/api_error.ts";

/** What a case works with. The server may hold Nodes of others: a case looks at its own alone. */
export interface Conformance {
  readonly api: ApiClient;
  readonly signal: AbortSignal;
  /** A label that only this case's Nodes bear. */
  readonly label: string;
  /** A Node name of this case. */
  name(suffix: string): string;
  /** Creates a Node that bears the label. It is deleted after the case. */
  create(suffix: string, labels?: Record<string, string>): Promise<void>;
  delete(suffix: string): Promise<unknown>;
}

/** What must be true of any server that is taken for a Kubernetes API. */
export interface ConformanceCase {
  readonly name: string;
  run(t: Conformance): Promise<void>;
}

/** Fails unless the server refuses with that status, that reason, and that in its message. */
export async function refused(
  attempt: Promise<unknown>,
  status: number,
  reason: string,
  message: string,
): Promise<void> {
  const error = await assertRejects(() => attempt, ApiError, message);
  assertEquals([error.status, error.reason], [status, reason]);
}
