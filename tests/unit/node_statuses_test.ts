import { assert, assertEquals } from "@std/assert";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { NodeAddressMap } from "../../lib/kubernetes/node_table.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { NodeStatuses } from "../../lib/hub/node_statuses.ts";
import { Refused } from "../../lib/reconcile/publish.ts";

const nodeOf = (name: string, ...internalIPs: string[]): NodeView => ({
  name,
  uid: `uid of ${name}`,
  createdAt: 0,
  labels: {},
  annotations: {},
  status: { internalIPs: internalIPs as IpAddress[], externalIPs: [], ready: true },
});

/** Statuses before an API server that answers when the test says so. */
function bench(random = 0) {
  const stop = new AbortController();
  const pending = new Map<string, PromiseWithResolvers<NodeView | undefined>>();
  const state = {
    now: 0,
    asked: [] as string[],
    changes: 0,
    results: [] as unknown[],
    whole: false,
    lists: 0,
    table: (): NodeAddressMap => new Map(),
  };
  const statuses = new NodeStatuses({
    api: {
      getNode: (name) => {
        const answer = Promise.withResolvers<NodeView | undefined>();
        pending.set(name, answer);
        state.asked.push(name);
        return answer.promise;
      },
      listNodeAddresses: (_, whole) => {
        state.lists++;
        state.whole = whole;
        return Promise.resolve().then(() => state.table());
      },
    },
    labelSelector: "peer=true",
    signal: stop.signal,
    onChange: () => state.changes++,
    onResult: (error) => state.results.push(error),
    time: { now: () => state.now, random: () => random },
  });
  /** A turn of the loop that wants these Nodes. */
  const turn = (names: readonly string[]) => {
    const found = names.map((name) => statuses.get(name)?.status?.internalIPs.join());
    statuses.retain(new Set(names));
    return found;
  };
  const answer = async (name: string, node: NodeView | undefined | Error) => {
    const { resolve, reject } = pending.get(name)!;
    pending.delete(name);
    if (node instanceof Error) reject(node);
    else resolve(node);
    await new Promise((resolve) => setTimeout(resolve));
  };
  /** Answers all that is asked, and all that is asked then. */
  const answerAll = async (nodeOf: (name: string) => NodeView) => {
    while (pending.size > 0) {
      const asked = [...pending];
      pending.clear();
      for (const [name, { resolve }] of asked) resolve(nodeOf(name));
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { statuses, state, pending, stop, turn, answer, answerAll };
}

Deno.test("a Node is read once, its addresses announced, and read again after a minute", async () => {
  const { statuses, state, turn, answer } = bench();
  assertEquals([turn(["a"]), turn(["a"]), state.asked], [[undefined], [undefined], ["a"]]);
  await answer("a", nodeOf("a", "10.0.0.1"));
  assertEquals([turn(["a"]), state.changes, statuses.retryMs], [["10.0.0.1"], 1, undefined]);
  state.now = 59_999;
  turn(["a"]);
  assertEquals(state.asked.length, 1);
  state.now = 60_000;
  assertEquals([turn(["a"]), state.asked.length], [["10.0.0.1"], 2]);
  await answer("a", new ApiUnreachable("silence"));
  assertEquals([turn(["a"]), state.changes], [["10.0.0.1"], 1], "silence says nothing of the Node");
});

Deno.test("eight of many Nodes are read at the same time, in the order asked for", async () => {
  const { state, pending, turn, answer } = bench();
  const names = Array.from({ length: 2000 }, (_, i) => `n${i}`);
  turn(names);
  state.now = 600_000;
  turn(names.toReversed());
  assertEquals([...pending.keys()], names.slice(0, 8));
  await answer("n3", undefined);
  assertEquals(state.asked.slice(8), ["n8"]);
  turn(names.filter((name) => name !== "n9"));
  await answer("n0", new Error("broken"));
  assertEquals(state.asked.slice(9), ["n10"], "a Node that is gone is not read any more");
});

Deno.test("5,000 Nodes are compared with one list a minute, and read again where they differ", async () => {
  const { state, turn, answer, answerAll } = bench();
  const address = (i: number) => `10.1.${i >> 8}.${i & 255}`;
  const names = Array.from({ length: 5000 }, (_, i) => `n${i}`);
  turn(names);
  await answerAll((name) => nodeOf(name, address(+name.slice(1))));
  assertEquals([state.asked.length, state.lists], [5000, 0], "each once");
  const table = new Map(names.map((name, i) => [name, [address(i) as IpAddress]]));
  table.set("n7", ["10.9.9.9" as IpAddress]);
  table.delete("n8");
  state.table = () => table;
  state.now = 60_000;
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  turn(names);
  turn(names);
  await settled();
  assertEquals([state.lists, state.asked.slice(5000)], [1, ["n7", "n8"]]);
  await answer("n7", nodeOf("n7", "10.9.9.9"));
  await answer("n8", undefined);
  assertEquals(turn(["n6", "n7", "n8"]), ["10.1.0.6", "10.9.9.9", undefined]);
});

Deno.test("where Nodes have several addresses, a list tells all of them, less often", async () => {
  const { state, turn, answerAll } = bench();
  const names = Array.from({ length: 61 }, (_, i) => `n${i}`);
  const both = ["10.0.0.1", "fd00::1"];
  turn(names);
  await answerAll((name) => nodeOf(name, ...both));
  state.table = () => new Map(names.map((name) => [name, both as IpAddress[]]));
  for (const [at, lists] of [[60_000, 1], [659_999, 1], [660_000, 2]] as const) {
    state.now = at;
    turn(names);
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([state.lists, state.whole, state.asked.length], [lists, true, 61], `${at}`);
  }
});

Deno.test("a list that fails leaves what is known of many Nodes, and is asked for again in time", async () => {
  const { state, turn, answerAll } = bench();
  const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
  turn(names);
  await answerAll((name) => nodeOf(name, "10.0.0.1"));
  const error = new ApiError("429", 429, "", 30_000);
  state.table = () => {
    throw error;
  };
  for (const [at, lists] of [[60_000, 1], [149_999, 1], [150_000, 2]] as const) {
    state.now = at;
    assertEquals(new Set(turn(names)), new Set(["10.0.0.1"]));
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([state.lists, state.asked.length], [lists, 100], `${at}`);
  }
  assertEquals(state.results, [error, error]);
});

Deno.test("a Node without addresses is asked for ever less often, and apart from others", async () => {
  for (
    const [random, waits] of [[0, [3, 6, 12, 24, 30, 30]], [1, [6, 12, 24, 48, 60, 60]]] as const
  ) {
    const { statuses, state, turn, answer } = bench(random);
    turn(["a"]);
    for (const [i, wait] of waits.entries()) {
      await answer("a", i % 2 ? nodeOf("a") : undefined);
      assertEquals(statuses.retryMs, wait * 1000);
      state.now += wait * 1000 - 1;
      turn(["a"]);
      assertEquals(state.asked.length, i + 1);
      state.now += 1;
      turn(["a"]);
      assertEquals(state.asked.length, i + 2);
    }
    await answer("a", nodeOf("a", "10.0.0.1"));
    state.now += 60_000;
    turn(["a"]);
    await answer("a", nodeOf("a"));
    assertEquals(statuses.retryMs, waits[0] * 1000, "it begins anew");
  }
});

Deno.test("many Nodes without addresses share the turns of the loop", async () => {
  const { statuses, state, turn, answer } = bench();
  turn(["a", "b"]);
  assertEquals(statuses.retryMs, 3_000, "nothing is known yet");
  await answer("a", undefined);
  state.now = 2_990;
  await answer("b", undefined);
  assertEquals(statuses.retryMs, 3_000);
});

Deno.test("an API server that wants to be left alone is, by all Nodes that are to be read", async () => {
  const { statuses, state, turn, answer } = bench();
  const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
  turn(names);
  for (const name of names.slice(0, 8)) await answer(name, new ApiError("429", 429, "", 30_000));
  assertEquals(state.asked.length, 8, "none of those that waited");
  assertEquals(statuses.retryMs, 30_000);
  state.now = 29_999;
  turn(names);
  assertEquals(state.asked.length, 8);
  state.now = 30_000;
  turn(names);
  assertEquals(state.asked.slice(8), names.slice(8, 16), "and they go first");
});

Deno.test("that Nodes cannot be read is told by one of them, with what to do", async () => {
  const { state, turn, answer } = bench();
  turn(["a", "b"]);
  await answer("a", new ApiError("GET /api/v1/nodes/a: 403", 403));
  await answer("b", new ApiError("GET /api/v1/nodes/b: 403", 403));
  const told: unknown = state.results[0];
  assertEquals(
    told instanceof Refused && told.message,
    "may not read Nodes: apply deploy/rbac.yaml (GET /api/v1/nodes/a: 403)",
  );
  state.now = 10_000;
  turn(["a", "b"]);
  await answer("a", nodeOf("a", "10.0.0.1"));
  assertEquals(state.results.length, 1);
  const silence = new ApiUnreachable("silence");
  await answer("b", silence);
  state.now = 60_000;
  turn(["a", "b"]);
  await answer("b", undefined);
  assertEquals(state.results.slice(1), [silence, undefined], "now all can be read");
});

Deno.test("a Node that is gone is no trouble any more, and after the end nothing is read", async () => {
  const { state, stop, turn, answer } = bench();
  turn(["a"]);
  await answer("a", new Error("broken"));
  turn([]);
  assertEquals(state.results.slice(1), [undefined]);
  const names = Array.from({ length: 9 }, (_, i) => `n${i}`);
  turn(names);
  const before = state.asked.length;
  stop.abort();
  await answer("n0", stop.signal.reason);
  assertEquals([state.asked.length, state.results.length], [before, 2]);
  assert(!state.asked.includes("n8"));
});
