import { parseArgs } from "@std/cli/parse-args";
import { ApiStatus } from "./embedded_api/api_status.ts";
import { serveControl } from "./embedded_api/control.ts";
import { type Fault, FaultInjection } from "./embedded_api/fault_injection.ts";
import type { JsonObject } from "./embedded_api/merge_patch.ts";
import { NodeStore } from "./embedded_api/node_store.ts";
import { NodeWatches } from "./embedded_api/node_watches.ts";
import { type ApiState, route } from "./embedded_api/routes.ts";

/** Where and how the server runs. */
export interface EmbeddedApiOptions {
  /** Default 127.0.0.1. */
  readonly hostname?: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  /** The bearer tokens that are let in. Default: nobody needs one. */
  readonly tokens?: readonly string[];
  /** How often a quiet watch hears a bookmark, in ms. Default 60,000, as a real server. */
  readonly bookmarkMs?: number;
}

/** A request that was made, for tests that count. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

/** Starts a server. Stop it when done. */
export function startEmbeddedApi(options: EmbeddedApiOptions = {}): EmbeddedApi {
  return new EmbeddedApi(options);
}

/**
 * The part of the Kubernetes API that this project uses, without a cluster: Nodes (create, get, list,
 * watch, merge patch, delete) and Events, over plain HTTP and kept in memory. The same cases run
 * against it and against a real kube-apiserver: see tests/api/conformance_test.ts.
 */
export class EmbeddedApi implements AsyncDisposable {
  readonly url: string;
  /** What was asked so far. */
  readonly requests: SeenRequest[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();
  readonly #faults = new FaultInjection();
  readonly #state: ApiState;
  #tokens: ReadonlySet<string> | undefined;

  constructor(options: EmbeddedApiOptions) {
    const store = new NodeStore();
    const watches = new NodeWatches(store, options.bookmarkMs ?? 60_000);
    this.#state = { store, watches, events: [], pages: new Map() };
    this.#tokens = options.tokens && new Set(options.tokens);
    this.#server = Deno.serve({
      hostname: options.hostname ?? "127.0.0.1",
      port: options.port ?? 0,
      signal: this.#stop.signal,
      onListen: () => {},
    }, (request) => this.#answer(request));
    const { hostname, port } = this.#server.addr;
    this.url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** The Events that were posted. */
  get events(): readonly JsonObject[] {
    return this.#state.events;
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#state.watches.count;
  }

  /** A kubeconfig for this server (JSON is YAML), with the first of the tokens. */
  kubeconfig(): string {
    const [token] = this.#tokens ?? [];
    return JSON.stringify(
      {
        apiVersion: "v1",
        kind: "Config",
        "current-context": "embedded",
        clusters: [{ name: "embedded", cluster: { server: this.url } }],
        users: [{ name: "embedded", user: token === undefined ? {} : { token } }],
        contexts: [{ name: "embedded", context: { cluster: "embedded", user: "embedded" } }],
      },
      undefined,
      2,
    ) + "\n";
  }

  /** Creates a Node without a request: where there are thousands, or none of ours is to be counted. */
  createNode(json: unknown): void {
    this.#state.store.create(json);
  }

  /** Applies a merge patch to a Node, or to its status, without a request. */
  patchNode(name: string, patch: unknown, part: "main" | "status"): void {
    this.#state.store.patch(name, patch, part);
  }

  /** Arranges that something goes wrong. */
  inject(fault: Fault): void {
    this.#faults.inject(fault);
  }

  /** Takes all faults away; requests that hang are answered, watches speak again. */
  heal(): void {
    this.#state.watches.silent = false;
    this.#faults.heal();
  }

  /** Watches stay open and hear nothing, not even bookmarks, until {@linkcode EmbeddedApi.heal}. */
  silenceWatches(): void {
    this.#state.watches.silent = true;
  }

  /** Breaks the connections of all watches. */
  cutWatches(): void {
    this.#state.watches.cutAll();
  }

  /** Ends all watches in good order. */
  endWatches(): void {
    this.#state.watches.endAll();
  }

  /** From now on, a watch that begins at an earlier version hears 410. */
  forgetHistory(): void {
    this.#state.store.forgetHistory();
    this.#state.pages.clear();
  }

  /** Lets in these tokens, and no others. */
  acceptTokens(tokens: readonly string[]): void {
    this.#tokens = new Set(tokens);
  }

  /** Ends every connection and frees the port. */
  async stop(): Promise<void> {
    this.heal();
    this.endWatches();
    this.#stop.abort();
    await this.#server.finished;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const { method, headers } = request;
    this.requests.push({ method, path: pathname, query: searchParams, headers });
    try {
      const fault = this.#faults.take(request);
      if (fault?.delayMs !== undefined) await this.#faults.untilHealed(fault.delayMs);
      if (fault?.hang) await this.#faults.untilHealed();
      if (fault?.cut) return brokenResponse();
      if (fault?.status !== undefined) {
        const { status, reason = "", message = "injected", retryAfterSeconds } = fault;
        throw new ApiStatus(status, reason, message, retryAfterSeconds);
      }
      this.#authenticate(headers);
      return await route(request, this.#state);
    } catch (error) {
      if (error instanceof ApiStatus) return error.response();
      throw error;
    }
  }

  #authenticate(headers: Headers): void {
    if (this.#tokens === undefined) return;
    const [, token] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
    if (token === undefined || !this.#tokens.has(token)) {
      throw new ApiStatus(401, "Unauthorized", "Unauthorized");
    }
  }
}

function brokenResponse(): Response {
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode('{"kind":'));
      controller.error(new Error("cut"));
    },
  });
  return new Response(stream);
}

/**
 * As a program, for use inside a network namespace:
 * `embedded_api.ts [--listen 127.0.0.1:0] [--kubeconfig FILE] [--control PORT]`. Prints its URL on one
 * line, and runs until SIGTERM or SIGINT. By the port of control it is made to fail.
 */
async function main(): Promise<void> {
  const given: { listen: string; kubeconfig?: string; control?: string } = parseArgs(Deno.args, {
    string: ["listen", "kubeconfig", "control"],
    default: { listen: "127.0.0.1:0" },
  });
  const { hostname: host, port } = new URL(`http://${given.listen}`);
  const hostname = host.replace(/^\[(.*)\]$/, "$1");
  await using api = startEmbeddedApi({ hostname, port: Number(port) });
  await using _control = given.control === undefined
    ? undefined
    : serveControl(api, hostname, Number(given.control));
  if (given.kubeconfig !== undefined) {
    await Deno.writeTextFile(given.kubeconfig, api.kubeconfig(), { mode: 0o600 });
  }
  await Deno.stdout.write(new TextEncoder().encode(`${api.url}\n`));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => resolve());
    }
  });
}

if (import.meta.main) await main();
