import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { NodeView } from "../../lib/contract/node.ts";
import type { NodeList, WatchOptions } from "../../lib/kubernetes/api_client.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import { nodeView } from "../../lib/kubernetes/node_view.ts";
import { NodeWatcher, type NodeWatcherOptions } from "../../lib/kubernetes/node_watcher.ts";
import { ApiStatus } from "../lab/embedded_api/api_status.ts";
import { NodeStore } from "../lab/embedded_api/node_store.ts";

type Watch = (options: WatchOptions) => Iterable<NodeEvent> | Promise<Iterable<NodeEvent>>;

/** A server that answers as told, a clock that moves when told or slept on, and the watcher between. */
class Bench {
  readonly calls: string[] = [];
  readonly errors: unknown[] = [];
  readonly sleeps: number[] = [];
  /** The names that the watcher held at each of its calls of onChange. */
  readonly changes: string[] = [];
  readonly lists: (() => NodeList)[] = [];
  readonly watches: Watch[] = [];
  readonly watcher: NodeWatcher;
  time = 0;
  readonly #stop = new AbortController();

  constructor(options: Partial<NodeWatcherOptions> = {}) {
    this.watcher = new NodeWatcher({
      selector: { labelSelector: "p" },
      metadataOnly: true,
      source: {
        listNodes: () => {
          this.calls.push("list");
          return Promise.resolve().then(() => this.#next(this.lists)?.() ?? list([], "0"));
        },
        watchNodes: (_selector, options) => this.#watch(options),
      },
      onChange: () => this.changes.push([...this.watcher.nodes.keys()].join()),
      onResult: (error) => this.errors.push(error),
      now: () => this.time,
      random: () => 0.5,
      sleep: (ms) => {
        this.calls.push("sleep");
        this.sleeps.push(ms);
        this.time += ms;
        return Promise.resolve();
      },
      ...options,
    });
  }

  /** Runs until the server has nothing more to say. */
  async run(): Promise<this> {
    await this.watcher.run(this.#stop.signal);
    return this;
  }

  stop(): void {
    this.#stop.abort();
  }

  #next<T>(script: T[]): T | undefined {
    const step = script.shift();
    if (step === undefined) this.stop();
    return step;
  }

  async *#watch(options: WatchOptions): AsyncGenerator<NodeEvent> {
    this.calls.push(`watch ${options.resourceVersion}`);
    const step = this.#next(this.watches);
    if (step !== undefined) yield* await step(options);
  }
}

function node(name: string, annotations: Record<string, string> = {}): NodeView {
  return { name, uid: `uid of ${name}`, createdAt: 0, labels: {}, annotations };
}

function list(names: readonly string[], resourceVersion: string): NodeList {
  return { nodes: names.map((name) => node(name)), resourceVersion };
}

function put(view: NodeView, resourceVersion: string): NodeEvent {
  return { type: "put", node: view, resourceVersion };
}

const OPEN: NodeEvent = { type: "open" };

Deno.test("the first list counts as a change even when it is empty", async () => {
  const bench = new Bench();
  bench.lists.push(() => {
    assertEquals([bench.watcher.synced, bench.watcher.lastContact], [false, undefined]);
    bench.time = 7;
    return list([], "1");
  });
  await bench.run();
  assertEquals(bench.changes, [""]);
  assertEquals([bench.watcher.synced, bench.watcher.lastContact], [true, 7]);
});

Deno.test("events change the Nodes, and what says nothing new is no change", async () => {
  const bench = new Bench();
  bench.lists.push(() => list(["a"], "1"));
  bench.watches.push(() => [
    OPEN,
    put(node("b"), "2"),
    put(node("b"), "3"),
    { type: "bookmark", resourceVersion: "4" },
    put(node("b", { x: "y" }), "5"),
    { type: "gone", name: "a", resourceVersion: "6" },
    { type: "gone", name: "stranger", resourceVersion: "7" },
  ]);
  await bench.run();
  assertEquals(bench.changes, ["a", "a,b", "a,b", "b"]);
  assertEquals([...bench.watcher.nodes.values()], [node("b", { x: "y" })]);
  // The bookmark and the repetition count for where the next watch begins.
  assertEquals(bench.calls, ["list", "watch 1", "sleep", "watch 7"]);
});

Deno.test("a watch that breaks is resumed where it was, without a list", async () => {
  const bench = new Bench();
  const broken = new ApiUnreachable("reset");
  bench.lists.push(() => list(["a"], "1"));
  bench.watches.push(function* () {
    yield OPEN;
    yield { type: "bookmark", resourceVersion: "9" };
    throw broken;
  });
  await bench.run();
  assertEquals(bench.calls, ["list", "watch 1", "sleep", "watch 9"]);
  assertEquals(bench.errors, [broken]);
  assertEquals(bench.watcher.restarts, { ended: 0, silent: 0, failed: 1 });
});

Deno.test("a watch that falls silent is opened anew at once; only if that fails, it is an error", async () => {
  const bench = new Bench({ idleMs: 90_000 });
  const silence = new ApiUnreachable("no answer", { timedOut: true });
  bench.lists.push(() => list(["a"], "1"));
  bench.watches.push(function* () {
    yield OPEN;
    bench.time += 90_000;
    throw silence;
  }, () => {
    bench.time += 15_000;
    throw silence;
  });
  await bench.run();
  assertEquals(bench.calls, ["list", "watch 1", "watch 1", "sleep", "watch 1"]);
  assertEquals(bench.errors, [silence]);
  assertEquals(bench.watcher.restarts, { ended: 0, silent: 2, failed: 0 });
  assertEquals(bench.watcher.listAgeMs, bench.time);
});

Deno.test("delays grow with each failure, and begin anew after a watch that stood", async () => {
  const bench = new Bench({ maxBackoffMs: 1000 });
  const fail = () => {
    throw new ApiUnreachable("refused");
  };
  bench.lists.push(...Array(5).fill(fail), () => list(["a"], "1"));
  bench.watches.push(function* () {
    yield OPEN;
    bench.time += 60_000;
    fail();
  }, fail);
  await bench.run();
  assertEquals(bench.sleeps, [100, 200, 400, 500, 500, 100, 200]);
  assertEquals(bench.changes, ["a"]);
});

Deno.test("a version that is too old is listed anew at once; if it stays so, after a while", async () => {
  const bench = new Bench();
  const tooOld = () => {
    throw new ApiError("too old", 410, "Expired");
  };
  bench.lists.push(() => list(["a"], "1"), () => list(["b"], "5"), () => list(["b"], "6"));
  bench.watches.push(tooOld, tooOld, () => [OPEN]);
  await bench.run();
  assertEquals(bench.calls.slice(0, 6), ["list", "watch 1", "list", "watch 5", "sleep", "list"]);
  // The list that follows replaces everything in one step.
  assertEquals(bench.changes, ["a", "b"]);
});

Deno.test("a watch that keeps failing is given up for a list", async () => {
  const bench = new Bench();
  const broken = () => {
    throw new ApiError("internal error", 500);
  };
  bench.lists.push(() => list(["a"], "1"), () => list(["b"], "2"));
  bench.watches.push(broken, broken, broken, broken);
  await bench.run();
  const asked = bench.calls.filter((call) => call !== "sleep");
  assertEquals(asked, ["list", "watch 1", "watch 1", "watch 1", "watch 1", "list", "watch 2"]);
});

Deno.test("the server's Retry-After is kept to", async () => {
  const bench = new Bench();
  bench.lists.push(() => {
    throw new ApiError("slow down", 429, "TooManyRequests", 7000);
  });
  await bench.run();
  assertEquals(bench.sleeps, [7100]);
});

Deno.test("everything is listed again after a while, however lively the watch", async () => {
  const bench = new Bench({ resyncMs: 20_000 });
  const asked: number[] = [];
  bench.lists.push(() => list(["a"], "1"), () => list(["a", "b"], "2"));
  bench.watches.push(function* ({ timeoutSeconds }) {
    asked.push(timeoutSeconds);
    yield OPEN;
    for (;; bench.time += 1000) yield put(node("a"), "1");
  });
  await bench.run();
  assertEquals(asked, [20]);
  assertEquals(bench.calls, ["list", "watch 1", "list", "watch 2"]);
  assertEquals(bench.changes, ["a", "a,b"]);
  assertEquals(bench.time, 20_000);
});

Deno.test("while the server is away, the last known Nodes stand", async () => {
  const bench = new Bench({ resyncMs: 1000 });
  bench.lists.push(() => list(["a"], "1"), () => {
    throw new ApiUnreachable("refused");
  });
  bench.watches.push(function* () {
    yield OPEN;
    bench.time += 1000;
  });
  bench.lists.push(() => {
    assertEquals([...bench.watcher.nodes.keys()], ["a"]);
    assert(bench.watcher.synced);
    return list(["a"], "2");
  });
  await bench.run();
  assertEquals(bench.calls, ["list", "watch 1", "list", "sleep", "list", "watch 2"]);
  assertEquals([bench.changes, bench.errors.length], [["a"], 1]);
});

Deno.test("a server that ends every watch at once is not stormed", async () => {
  const bench = new Bench({ random: () => 0.9 });
  bench.lists.push(...Array(1000).fill(() => list(["a"], "1")));
  const stop = () => bench.time > 600_000 ? bench.stop() : undefined;
  bench.watches.push(...Array(1000).fill(() => (stop(), [OPEN])));
  await bench.run();
  const asked = bench.calls.filter((call) => call !== "sleep").length;
  assert(asked < 120, `${asked} requests in ten minutes`);
});

Deno.test("nothing is asked once the signal is aborted", async () => {
  const bench = new Bench();
  bench.stop();
  await bench.run();
  assertEquals(bench.calls, []);
});

type Step =
  | { readonly do: "put" | "delete"; readonly name: string; readonly value: string }
  | { readonly do: "break" | "end" | "forget" | "fail list" };

Deno.test("whatever breaks in between, the watcher ends with the Nodes that there are", async () => {
  const name = fc.constantFrom("a", "b", "c");
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constant("put" as const), name, value: fc.constantFrom("1", "2") }),
    fc.record({ do: fc.constant("delete" as const), name, value: fc.constant("") }),
    fc.record({ do: fc.constantFrom("break", "end", "forget", "fail list") }),
  );
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const store = new NodeStore();
    const left = [...steps];
    let failLists = 0;
    let idle = 0;
    const bench = new Bench({
      source: {
        listNodes() {
          if (failLists-- > 0) return Promise.reject(new ApiUnreachable("refused"));
          const nodes = store.list().map((each) => nodeView(each)!);
          return Promise.resolve({ nodes, resourceVersion: String(store.version) });
        },
        async *watchNodes(_selector, { resourceVersion }) {
          await Promise.resolve();
          yield OPEN;
          let version = Number(resourceVersion);
          for (;;) {
            yield* eventsSince(store, version);
            version = store.version;
            const next = left.shift();
            if (next === undefined) {
              // One more quiet turn, then nothing is left to learn.
              if (idle++ > 0) bench.stop();
              return;
            }
            if (next.do === "end") return;
            if (next.do === "break") throw new ApiUnreachable("reset");
            if (next.do === "fail list") failLists = 2;
            else if (next.do === "forget") {
              store.forgetHistory();
              return;
            } else if ("name" in next) change(store, next);
          }
        },
      },
    });
    await bench.run();
    assertEquals(
      [...bench.watcher.nodes.values()].toSorted((a, b) => a.name < b.name ? -1 : 1),
      store.list().map((each) => nodeView(each)!),
    );
  }));
});

function change(store: NodeStore, step: Extract<Step, { name: string }>): void {
  const known = store.list().some(({ metadata }) => metadata.name === step.name);
  if (step.do === "delete") {
    if (known) store.delete(step.name);
  } else if (known) {
    store.patch(step.name, { metadata: { annotations: { value: step.value } } }, "main");
  } else {
    store.create({ kind: "Node", metadata: { name: step.name } });
  }
}

function* eventsSince(store: NodeStore, version: number): Iterable<NodeEvent> {
  try {
    for (const { before, after, version: at } of store.since(version)) {
      const resourceVersion = String(at);
      if (after === undefined) yield { type: "gone", name: before!.metadata.name, resourceVersion };
      else yield put(nodeView(after)!, resourceVersion);
    }
  } catch (error) {
    if (!(error instanceof ApiStatus)) throw error;
    throw new ApiError(error.message, error.code, error.reason);
  }
}
