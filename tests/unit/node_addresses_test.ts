/** When the addresses of Nodes that are no peers are known, and how often they are asked for. */
import { assert, assertEquals } from "@std/assert";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import { hasSeveralAddresses, NodeAddresses, PATIENCE } from "../../lib/hub/node_addresses.ts";
import { VirtualTime } from "./virtual_time.ts";

const HOUR = 3_600_000;
/** How often the watch of the test says something, in ms. */
const TICK = 2_500;
/** How long a request to a silent server takes, in ms. */
const SILENCE = 15_000;
const nodeOf = (name: string): NodeView => ({
  name,
  uid: name,
  createdAt: 0,
  labels: {},
  annotations: {},
});

/** An API server whose Nodes come and go as told, before {@linkcode NodeAddresses}, for a while. */
class Bench {
  readonly time = new VirtualTime();
  readonly nodes = new Map<string, string>();
  /** When the addresses were listed. */
  readonly lists: number[] = [];
  readonly errors: unknown[] = [];
  readonly changes: string[] = [];
  fault: Error | undefined;
  /** Until then the server answers nothing at all. */
  silentUntil = 0;
  readonly #stop = new AbortController();
  readonly #coming: NodeEvent[] = [];
  readonly addresses: NodeAddresses;

  constructor(random = 0.5) {
    this.addresses = new NodeAddresses({
      api: {
        listNodes: () =>
          this.#answer(() => ({
            nodes: [...this.nodes.keys()].map(nodeOf),
            resourceVersion: "1",
          })),
        watchNodes: (_, { timeoutSeconds }) => this.#watch(timeoutSeconds * 1000),
        listNodeAddresses: () => {
          this.lists.push(this.time.now);
          if (this.fault) return Promise.reject(this.fault);
          return this.#answer(() =>
            new Map([...this.nodes].map(([name, text]) => [name, [text as IpAddress]]))
          );
        },
      },
      labelSelector: "wireguard.kube/peer!=true",
      haveSeveral: () => false,
      onChange: () => this.changes.push(this.known),
      onResult: (error) => error === undefined || this.errors.push(error),
      now: () => this.time.now,
      random: () => random,
      sleep: this.time.sleep,
    });
  }

  get known(): string {
    const known = this.addresses.known;
    return known ? [...known].map(([name, cidrs]) => `${name} ${cidrs}`).join() : "not yet";
  }

  put(name: string, address: string): void {
    this.nodes.set(name, address);
    this.#coming.push({ type: "put", node: nodeOf(name), resourceVersion: "2" });
  }

  remove(name: string): void {
    this.nodes.delete(name);
    this.#coming.push({ type: "gone", name, resourceVersion: "2" });
  }

  async #answer<T>(answer: () => T): Promise<T> {
    if (this.time.now >= this.silentUntil) return answer();
    await this.time.sleep(SILENCE, this.#stop.signal);
    throw new ApiUnreachable("GET /api/v1/nodes: no answer", { timedOut: true });
  }

  async *#watch(ms: number): AsyncGenerator<NodeEvent> {
    yield { type: "open" };
    for (const end = this.time.now + ms; this.time.now < end;) {
      yield* this.#coming.splice(0);
      await this.time.sleep(TICK, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
    }
  }

  async during(script: (bench: this) => Promise<void>): Promise<void> {
    const running = this.addresses.run(this.#stop.signal);
    await script(this);
    this.#stop.abort();
    await running;
  }
}

Deno.test("the addresses of Nodes are known with the first list, and follow their coming and going", async () => {
  const bench = new Bench();
  bench.nodes.set("a", "10.0.0.1");
  await bench.during(async ({ time }) => {
    assertEquals(bench.known, "not yet");
    await time.pass(1_000);
    assertEquals(bench.known, "a 10.0.0.1/32");
    await time.pass(60_000);
    bench.put("b", "10.0.0.2");
    await time.pass(66_000);
    assertEquals(bench.known, "a 10.0.0.1/32,b 10.0.0.2/32", "the last list was long ago");
    bench.remove("a"); // or it has become a peer
    await time.pass(70_000);
    assertEquals(bench.known, "b 10.0.0.2/32", "at once: that takes no list");
    bench.nodes.set("b", "10.0.0.3");
    await time.pass(700_000);
    assertEquals(bench.known, "b 10.0.0.3/32", "an address that changed is seen after a while");
  });
  assertEquals(bench.changes.at(-1), "b 10.0.0.3/32");
  assertEquals(bench.changes.length, 4);
});

Deno.test("the addresses of Nodes are not asked for often, however much the Nodes flap", async () => {
  for (const random of [0, 0.999]) {
    const quiet = new Bench(random);
    await quiet.during(({ time }) => time.pass(HOUR));
    assert(quiet.lists.length >= 6 && quiet.lists.length <= 14, `${quiet.lists.length} when quiet`);
    const flapping = new Bench(random);
    await flapping.during(async ({ time }) => {
      for (let at = 0; at < HOUR / 3; at += 5000) {
        if (at % 10_000 === 0) flapping.put("a", "10.0.0.1");
        else flapping.remove("a");
        await time.pass(at);
      }
    });
    const gaps = flapping.lists.slice(1).map((at, i) => at - flapping.lists[i]!);
    assert(Math.min(...gaps) >= 10_000, `${Math.min(...gaps)} ms between two lists`);
    assert(flapping.lists.length > 30, "and yet each change is seen");
  }
});

Deno.test("an API that gives no addresses is asked ever less often, and keeps nobody out", async () => {
  const bench = new Bench(0.999);
  bench.fault = new ApiError("GET /api/v1/nodes: 403", 403);
  await bench.during(async ({ time }) => {
    await time.pass(PATIENCE - 1000);
    assertEquals(bench.known, "not yet");
    await time.pass(2 * PATIENCE + 5000);
    assertEquals([bench.known, bench.changes], ["", [""]]);
    await time.pass(HOUR);
    assert(bench.lists.length < 70, `${bench.lists.length} lists`);
    assertEquals(bench.errors.length, bench.lists.length);
    bench.fault = undefined;
    bench.put("a", "10.0.0.1");
    await time.pass(HOUR + 70_000);
    assertEquals(bench.known, "a 10.0.0.1/32");
    bench.fault = new ApiError("GET /api/v1/nodes: 500", 500);
    await time.pass(2 * HOUR);
    assertEquals(bench.known, "a 10.0.0.1/32", "what was known stands");
  });
});

Deno.test("after a start without the API, newcomers wait until it has told the addresses", async () => {
  for (const random of [0.5, 0.999]) {
    const bench = new Bench(random);
    bench.nodes.set("a", "10.0.0.1");
    bench.silentUntil = 300_000;
    await bench.during(async ({ time }) => {
      await time.pass(bench.silentUntil);
      assertEquals(bench.known, "not yet", "however long it takes");
      assert(bench.lists.length < 15, `${bench.lists.length} lists while it was silent`);
      const before = bench.lists.length;
      await time.pass(bench.silentUntil + SILENCE + 15_000 + 2_000); // the watch's own backoff
      assertEquals(bench.known, "a 10.0.0.1/32");
      assert(bench.lists.length <= before + 2, "one list for the answer, one that was under way");
    });
    assertEquals(bench.changes, ["a 10.0.0.1/32"], "never as if there were none");
  }
});

Deno.test("the patience with an API begins when it answers, and so do the attempts", async () => {
  const bench = new Bench(0.999);
  bench.nodes.set("a", "10.0.0.1");
  bench.silentUntil = 300_000;
  await bench.during(async ({ time }) => {
    await time.pass(bench.silentUntil);
    bench.fault = new ApiError("GET /api/v1/nodes: 429", 429);
    await time.pass(bench.silentUntil + PATIENCE);
    assertEquals(bench.known, "not yet");
    const before = bench.lists.length;
    await time.pass(bench.silentUntil + PATIENCE + SILENCE);
    assert(bench.lists.length > before, "asked soon again, not with the old backoff");
    bench.fault = undefined;
    await time.pass(bench.silentUntil + 2 * PATIENCE + SILENCE);
    assertEquals(bench.changes, ["a 10.0.0.1/32"]);
  });
});

Deno.test("hasSeveralAddresses() tells a Node of which a Table would hide something", () => {
  const status = (internal: string[], external: string[]) => ({
    status: {
      internalIPs: internal as IpAddress[],
      externalIPs: external as IpAddress[],
      ready: true,
    },
  });
  assertEquals(hasSeveralAddresses(undefined), false);
  assertEquals(hasSeveralAddresses(status(["10.0.0.1"], ["192.0.2.1"])), false);
  assertEquals(hasSeveralAddresses(status(["10.0.0.1", "fd00::1"], [])), true);
  assertEquals(hasSeveralAddresses(status([], ["192.0.2.1", "2001:db8::1"])), true);
});
