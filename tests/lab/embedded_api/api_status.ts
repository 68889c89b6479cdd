/** A refusal, in the form in which Kubernetes gives one: a Status object with a matching HTTP status. */
export class ApiStatus extends Error {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The Status object. */
  body(): Record<string, unknown> {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      code: this.code,
    };
  }

  response(): Response {
    const headers: Record<string, string> = this.retryAfterSeconds === undefined
      ? {}
      : { "retry-after": String(this.retryAfterSeconds) };
    return Response.json(this.body(), { status: this.code, headers });
  }
}

/** There is no Node of that name. */
export function notFound(name: string): ApiStatus {
  return new ApiStatus(404, "NotFound", `nodes "${name}" not found`);
}

/** The server has no such path. */
export function noResource(): ApiStatus {
  return new ApiStatus(404, "NotFound", "the server could not find the requested resource");
}

/** History does not reach back to that version. */
export function expired(version: number, oldest: number): ApiStatus {
  return new ApiStatus(410, "Expired", `too old resource version: ${version} (${oldest})`);
}

/** The request makes no sense. */
export function badRequest(message: string): ApiStatus {
  return new ApiStatus(400, "BadRequest", message);
}
