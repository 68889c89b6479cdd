/** The longest part of a server's message that an error repeats, in characters. */
const MESSAGE_LENGTH = 500;

/** The longest wait that a server may impose on us, in ms. */
const LONGEST_RETRY_AFTER = 60_000;

/** What 401 means. The server says no more than "Unauthorized". */
const REFUSED_CREDENTIAL = "the credential has expired, was revoked, or is another cluster's";

/** The API server answered, and refused. The message is one line: what was asked, and its reason. */
export class ApiError extends Error {
  override name = "ApiError";
  /** The HTTP status. */
  readonly status: number;
  /** The machine-readable reason of the Status body, e.g. `NotFound`; empty if there is none. */
  readonly reason: string;
  /** When the server wants to be asked again, in ms from now. */
  readonly retryAfterMs?: number;

  constructor(message: string, status: number, reason = "", retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }

  /**
   * Who refused: `rbac` where a role is missing (or the Node authorizer or NodeRestriction objects),
   * `policy` where the object itself is not acceptable, as to a ValidatingAdmissionPolicy. Undefined
   * for everything else.
   */
  get refusedBy(): "rbac" | "policy" | undefined {
    return this.status === 403 ? "rbac" : this.status === 422 ? "policy" : undefined;
  }
}

/** No answer, or none that can be read: no connection, a broken one, silence, or no JSON. */
export class ApiUnreachable extends Error {
  override name = "ApiUnreachable";
  /** The connection may hang: the next request should not use it again. */
  readonly timedOut: boolean;

  constructor(message: string, options: ErrorOptions & { timedOut?: boolean } = {}) {
    super(message, options);
    this.timedOut = options.timedOut ?? false;
  }
}

/**
 * The error that a response stands for.
 *
 * @param what the request, e.g. `PATCH /api/v1/nodes/edge-7`.
 * @param body the text of the response: a Status of Kubernetes, or whatever a proxy says.
 */
export function apiErrorOf(what: string, status: number, body: string, headers: Headers): ApiError {
  const told = statusOf(body);
  const message = told?.message ?? body;
  const seconds = headers.get("retry-after") ?? "";
  const retryAfterMs = /^\d{1,9}$/.test(seconds)
    ? Math.min(Number(seconds) * 1000, LONGEST_RETRY_AFTER)
    : undefined;
  return new ApiError(describe(what, status, message), status, told?.reason, retryAfterMs);
}

/** The error that a Status object stands for, as a watch sends it in an ERROR event. */
export function apiErrorOfStatus(what: string, object: unknown): ApiError {
  const { code, message, reason } = statusFields(object);
  const status = typeof code === "number" ? code : 500;
  return new ApiError(describe(what, status, message ?? ""), status, reason);
}

interface StatusFields {
  readonly code?: number;
  readonly message?: string;
  readonly reason?: string;
}

function statusOf(body: string): StatusFields | undefined {
  try {
    return statusFields(JSON.parse(body));
  } catch {
    return undefined; // a proxy's page, say: it is quoted as it is
  }
}

function statusFields(json: unknown): StatusFields {
  if (typeof json !== "object" || json === null) return {};
  const { code, message, reason } = json as Record<string, unknown>;
  return {
    ...(typeof code === "number" ? { code } : {}),
    ...(typeof message === "string" ? { message } : {}),
    ...(typeof reason === "string" ? { reason } : {}),
  };
}

function describe(what: string, status: number, message: string): string {
  // deno-lint-ignore no-control-regex -- they are what has to go
  const line = message.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  const told = line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH)}…` : line;
  const hint = status === 401 ? ` (${REFUSED_CREDENTIAL})` : "";
  return `${what}: ${status}${told === "" ? "" : ` ${told}`}${hint}`;
}
