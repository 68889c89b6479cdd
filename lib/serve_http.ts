import { backoffDelay, sleep } from "./backoff.ts";
import type { ListenAddress } from "./options/value_types.ts";

/** What answers at one path. Only GET and HEAD come to it. */
export type Answerer = (request: Request) => Response | Promise<Response>;

/** Something that is served: where, and what answers at which path. */
export interface Endpoint {
  /** What it is called in the log, e.g. `health endpoint`. */
  readonly name: string;
  readonly address: ListenAddress;
  readonly paths: Readonly<Record<string, Answerer>>;
}

/** What {@linkcode serveHttp} needs besides the endpoints. */
export interface HttpServer {
  /** Ends it; requests under way are dropped. */
  readonly signal: AbortSignal;
  /** 0 to 1, for the jitter of the next try. */
  random(): number;
  /** Told each time that the address of an endpoint cannot be listened on; milliseconds until the next try. */
  onFailure(name: string, error: unknown, retryMs: number): void;
  /** Told when it is listened on. */
  onListen(name: string, port: number): void;
}

/** Answers a request by its path; one that nobody serves by a list of those that there are. */
export async function answerByPath(
  request: Request,
  paths: Endpoint["paths"],
): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (!Object.hasOwn(paths, pathname)) {
    return plainText(404, `there are ${Object.keys(paths).sort().join(", ")}\n`);
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return plainText(405, "only GET and HEAD are answered\n", { allow: "GET, HEAD" });
  }
  return await paths[pathname]!(request);
}

/**
 * Serves until the signal; endpoints of the same address share a server. An address in use is no
 * reason to end: it is tried again, for they are there to watch the tunnel, not the other way round.
 */
export async function serveHttp(
  endpoints: readonly Endpoint[],
  server: HttpServer,
): Promise<void> {
  const shared = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    const key = JSON.stringify(endpoint.address);
    const { name, paths } = shared.get(key) ?? endpoint;
    shared.set(key, { ...endpoint, name, paths: { ...paths, ...endpoint.paths } });
  }
  await Promise.all([...shared.values()].map((endpoint) => serveOne(endpoint, server)));
}

async function serveOne({ name, address, paths }: Endpoint, server: HttpServer): Promise<void> {
  if (address === "off") return;
  const { signal, random } = server;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const { finished } = Deno.serve({
        ...address,
        signal,
        onListen: ({ port }) => {
          failures = 0;
          server.onListen(name, port);
        },
        onError: () => plainText(500, "the state cannot be read\n"),
      }, (request) => answerByPath(request, paths));
      await finished;
      if (!signal.aborted) throw new Error("the server ended by itself");
    } catch (error) {
      const retryMs = backoffDelay(failures++, { initialMs: 1000, maxMs: 60_000, random });
      server.onFailure(name, error, retryMs);
      await sleep(retryMs, signal);
    }
  }
}

/** An answer of plain text, which nobody may keep. */
export function plainText(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(text, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
}
