import { assert, assertEquals } from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { NodeWatcher, type NodeWatcherOptions } from "../../lib/kubernetes/node_watcher.ts";
import { type EmbeddedApi, startEmbeddedApi } from "../lab/embedded_api.ts";
import { temporaryKubeconfig } from "./temporary_kubeconfig.ts";

/** How long anything awaited here may take, in ms. */
const PATIENCE = 20_000;

/** A watcher of the Nodes with label `p` that runs, on a server. */
class Running implements AsyncDisposable {
  readonly errors: unknown[] = [];
  readonly watcher: NodeWatcher;
  changes = 0;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #wake = Promise.withResolvers<void>();

  constructor(readonly api: ApiClient, options: Partial<NodeWatcherOptions>) {
    const wake = () => {
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    this.watcher = new NodeWatcher({
      source: api,
      selector: { labelSelector: "p=true" },
      metadataOnly: true,
      maxBackoffMs: 200,
      onChange: () => (this.changes++, wake()),
      onResult: (error) => (error !== undefined && this.errors.push(error), wake()),
      ...options,
    });
    this.#ended = this.watcher.run(this.#stop.signal);
  }

  /** Waits until the watcher holds these Nodes, `name=value of annotation v`. */
  async holds(...wanted: readonly string[]): Promise<void> {
    const held = () => [...this.watcher.nodes.values()].map((n) => `${n.name}=${n.annotations.v}`);
    await this.until(() => held().sort().join() === wanted.join(), () => held().join());
  }

  async until(condition: () => boolean, seen: () => string = () => ""): Promise<void> {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(new Error(`waited in vain: ${seen()}`)), PATIENCE);
    try {
      while (!condition()) await Promise.race([this.#wake.promise, limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

async function setUp(options: Partial<NodeWatcherOptions> = {}, server = startEmbeddedApi()) {
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const made = stack.use(await temporaryKubeconfig(server.kubeconfig()));
  const credentials = await openCredentials({ kubeconfig: made.path });
  const api = stack.use(new ApiClient(credentials, { requestTimeoutMs: 1000 }));
  const running = stack.use(new Running(api, options));
  const owned = stack.move();
  return { server, api, running, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const never = new AbortController().signal;

function create(api: ApiClient, name: string, v: string): Promise<unknown> {
  const metadata = { name, labels: { p: "true" }, annotations: { v } };
  const body = { kind: "Node", apiVersion: "v1", metadata };
  return api.send({ method: "POST", path: "/api/v1/nodes", body, signal: never });
}

function set(api: ApiClient, name: string, v: string): Promise<unknown> {
  return api.patchNode(name, { annotations: { v } }, never);
}

function countOf(server: EmbeddedApi, kind: "list" | "watch"): number {
  return server.requests.filter(({ method, path, query }) =>
    method === "GET" && path === "/api/v1/nodes" && query.has("watch") === (kind === "watch")
  ).length;
}

Deno.test("a watcher follows what happens, with one list and one watch", async () => {
  await using t = await setUp();
  await t.running.until(() => t.running.watcher.synced);
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  await set(t.api, "a", "2");
  await t.running.holds("a=2");
  await t.api.patchNode("a", { labels: { p: null } }, never);
  await t.running.holds();
  assertEquals([countOf(t.server, "list"), countOf(t.server, "watch")], [1, 1]);
  assertEquals(t.running.errors, []);
});

Deno.test("a watcher misses nothing while its watch is cut, and does not list again", async () => {
  await using t = await setUp();
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  for (let v = 2; v < 5; v++) {
    t.server.cutWatches();
    await set(t.api, "a", String(v));
    await t.running.holds(`a=${v}`);
  }
  assertEquals(countOf(t.server, "list"), 1);
  assert(t.running.errors.every((error) => error instanceof ApiUnreachable));
});

Deno.test("a watcher whose version is forgotten lists again at once", async () => {
  await using t = await setUp();
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  await t.running.until(() => t.server.watches === 1);
  t.server.inject({ when: (request) => request.url.includes("watch"), hang: true });
  t.server.endWatches();
  await set(t.api, "a", "2");
  t.server.forgetHistory();
  t.server.heal();
  await t.running.holds("a=2");
  assertEquals(countOf(t.server, "list"), 2);
  assertEquals(t.running.errors.map((error) => (error as ApiError).status), [410]);
});

Deno.test("a watcher notices a watch that has died without a word", async () => {
  await using t = await setUp({ idleMs: 150 });
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  t.server.silenceWatches();
  await set(t.api, "a", "2");
  await t.running.until(() => countOf(t.server, "watch") > 1 || t.running.errors.length > 0);
  t.server.heal();
  await t.running.holds("a=2");
  assertEquals(countOf(t.server, "list"), 1);
});

Deno.test("a watcher keeps its Nodes while the server is away, and finds it again", async () => {
  await using t = await setUp();
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  await t.server.stop();
  await t.running.until(() => t.running.errors.length > 3);
  await t.running.holds("a=1");
  await using again = startEmbeddedApi({ port: Number(new URL(t.server.url).port) });
  await create(t.api, "b", "7");
  await t.running.holds("b=7");
  assertEquals(countOf(again, "list"), 1);
});

Deno.test("a watcher bears refusals and slowness, and asks for what is due alone", async () => {
  const server = startEmbeddedApi();
  const lists = (request: Request) => !request.url.includes("watch");
  server.inject({ when: lists, status: 500, times: 2 });
  server.inject({ when: lists, status: 429, retryAfterSeconds: 0 });
  server.inject({ when: lists, status: 403, reason: "Forbidden" });
  server.inject({ when: lists, delayMs: 50 });
  await using t = await setUp({}, server);
  await t.running.until(() => t.running.watcher.synced);
  const statuses = t.running.errors.map((error) => (error as ApiError).status);
  assertEquals(statuses, [500, 500, 429, 403]);
  assertEquals(countOf(t.server, "list"), 5);
  assertEquals(t.running.changes, 1);
});

Deno.test("a watcher that is to resync lists again and again", async () => {
  await using t = await setUp({ resyncMs: 1000 });
  await create(t.api, "a", "1");
  await t.running.holds("a=1");
  const queries = () => t.server.requests.filter(({ query }) => query.has("watch"));
  const began = performance.now();
  while (countOf(t.server, "list") < 3 && performance.now() - began < PATIENCE) {
    await t.api.getNode("a", never);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const lasted = performance.now() - began;
  assert(lasted > 1500 && lasted < PATIENCE, `${lasted} ms`);
  assertEquals(queries()[0]?.query.get("timeoutSeconds"), "1");
  assertEquals(queries()[0]?.query.get("allowWatchBookmarks"), "true");
  assertEquals(t.running.errors, []);
});
