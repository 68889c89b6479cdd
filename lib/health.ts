import { backoffDelay, sleep } from "./backoff.ts";
import type { ListenAddress } from "./options/value_types.ts";

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
 * Answers a request: `/livez` and `/readyz` with 200 `ok`, or 503 and the conditions that do not
 * hold; with `?verbose` all conditions are listed, in the manner of kube-apiserver.
 */
export function route(request: Request, state: HealthState): Response {
  const { pathname, searchParams } = new URL(request.url);
  const conditions = pathname === "/livez"
    ? state.livez()
    : pathname === "/readyz"
    ? state.readyz()
    : undefined;
  if (conditions === undefined) return answer(404, "there are /livez and /readyz\n");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return answer(405, "only GET and HEAD are answered\n", { allow: "GET, HEAD" });
  }
  const ok = conditions.every((condition) => condition.ok);
  const shown = searchParams.has("verbose") ? conditions : conditions.filter(({ ok }) => !ok);
  const lines = shown.map(({ name, ok, reason }) =>
    `[${ok ? "+" : "-"}]${name}${reason === undefined ? "" : `: ${reason}`}\n`
  );
  const status = ok ? 200 : 503;
  return answer(status, lines.length === 0 ? "ok\n" : `${lines.join("")}${ok ? "ok" : "not ok"}\n`);
}

/** How the loop is judged to turn. */
export function loopCondition(lastTurn: number, now: number, bound: number): Condition {
  const age = now - lastTurn;
  return age <= bound
    ? { name: "loop", ok: true }
    : { name: "loop", ok: false, reason: `has not turned for ${Math.round(age / 1000)} s` };
}

/** What {@linkcode serveHealth} needs besides the address. */
export interface HealthServer {
  readonly state: HealthState;
  /** Ends it; requests under way are dropped. */
  readonly signal: AbortSignal;
  /** 0 to 1, for the jitter of the next try. */
  random(): number;
  /** Told each time that the address cannot be listened on; milliseconds until the next try. */
  onFailure(error: unknown, retryMs: number): void;
  /** Told when it listens. */
  onListen(port: number): void;
}

/**
 * Serves the health endpoint until the signal. An address in use is no reason to end: it is tried
 * again, for the endpoint is there to watch the tunnel, not the other way round.
 */
export async function serveHealth(address: ListenAddress, server: HealthServer): Promise<void> {
  if (address === "off") return;
  const { state, signal, random } = server;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const { finished } = Deno.serve({
        ...address,
        signal,
        onListen: ({ port }) => {
          failures = 0;
          server.onListen(port);
        },
        onError: () => answer(500, "the state cannot be read\n"),
      }, (request) => route(request, state));
      await finished;
      if (!signal.aborted) throw new Error("the server ended by itself");
    } catch (error) {
      const retryMs = backoffDelay(failures++, { initialMs: 1000, maxMs: 60_000, random });
      server.onFailure(error, retryMs);
      await sleep(retryMs, signal);
    }
  }
}

function answer(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
}
