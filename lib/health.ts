import { type Answerer, plainText } from "./serve_http.ts";

/** Something that must hold for the program to be alive or ready. */
export interface Condition {
  /** A short name, e.g. `nodes-listed`. */
  readonly name: string;
  readonly ok: boolean;
  /** Why it does not hold, or what holds: our own words, in one line. */
  readonly reason?: string;
}

/** What the health endpoint asks of the program. Both answer at once, from memory. */
export interface HealthState {
  /** Does the loop turn? Nothing that a restart would not mend belongs here. */
  livez(): readonly Condition[];
  /** Does the program do its work? */
  readyz(): readonly Condition[];
}

/**
 * The paths of the health endpoint: `/livez` and `/readyz` answer 200 `ok`, or 503 and the conditions
 * that do not hold; with `?verbose` all conditions are listed, in the manner of kube-apiserver.
 */
export function healthPaths(state: HealthState): Record<"/livez" | "/readyz", Answerer> {
  return {
    "/livez": (request) => judged(request, state.livez()),
    "/readyz": (request) => judged(request, state.readyz()),
  };
}

function judged(request: Request, conditions: readonly Condition[]): Response {
  const ok = conditions.every((condition) => condition.ok);
  const verbose = new URL(request.url).searchParams.has("verbose");
  const shown = verbose ? conditions : conditions.filter(({ ok }) => !ok);
  const lines = shown.map(({ name, ok, reason }) =>
    `[${ok ? "+" : "-"}]${name}${reason === undefined ? "" : `: ${reason}`}\n`
  );
  const text = lines.length === 0 ? "ok\n" : `${lines.join("")}${ok ? "ok" : "not ok"}\n`;
  return plainText(ok ? 200 : 503, text);
}

/** How the loop is judged to turn. */
export function loopCondition(lastTurn: number, now: number, bound: number): Condition {
  const age = now - lastTurn;
  return age <= bound
    ? { name: "loop", ok: true }
    : { name: "loop", ok: false, reason: `has not turned for ${Math.round(age / 1000)} s` };
}
