import { assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { MetadataPatch } from "../../lib/contract/publication.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { NodeSelector, WatchOptions } from "../../lib/kubernetes/api_client.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import { SpokeCluster } from "../../lib/spoke/spoke_cluster.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const keys = annotationKeys("p/");

/** One Node that keeps what is patched, and tells each patch to whoever waits for the next. */
class OneNode {
  #node: NodeView = { name: "edge-2", uid: "2", createdAt: 0, labels: {}, annotations: {} };
  #patched = Promise.withResolvers<NodeView>();
  readonly selectors: NodeSelector[] = [];
  renewals = 0;

  listNodes = (selector: NodeSelector) => {
    this.selectors.push(selector);
    return Promise.resolve({ nodes: [this.#node], resourceVersion: "1" });
  };

  async *watchNodes(_: NodeSelector, { signal }: WatchOptions): AsyncGenerator<NodeEvent> {
    yield { type: "open" };
    const ended = new Promise<undefined>((resolve) =>
      signal.addEventListener("abort", () => resolve(undefined))
    );
    while (!signal.aborted) {
      const node = await Promise.race([this.#patched.promise, ended]);
      if (node) yield { type: "put", node, resourceVersion: "2" };
    }
    signal.throwIfAborted();
  }

  patchNode = (_: string, { labels, annotations }: MetadataPatch) => {
    const { labels: had, annotations: said } = this.#node;
    this.#node = {
      ...this.#node,
      labels: { ...had, ...labels } as Record<string, string>,
      annotations: { ...said, ...annotations } as Record<string, string>,
    };
    this.#patched.resolve(this.#node);
    this.#patched = Promise.withResolvers();
    return Promise.resolve(this.#node);
  };

  renew = () => void this.renewals++;

  /** Waits for the patch that makes the Node say that. */
  async says(key: string, value: string): Promise<void> {
    while (({ ...this.#node.labels, ...this.#node.annotations })[key] !== value) {
      await this.#patched.promise;
    }
  }

  get vpcIP(): string | undefined {
    return this.#node.annotations[keys.vpcIP];
  }
}

function clusterOf(api: OneNode, vpcIP?: IpAddress): SpokeCluster {
  return new SpokeCluster({
    api,
    nodeName: "edge-2",
    keys,
    publication: {
      role: "peer",
      publicKey: keyOf(2),
      allowedIPs: cidrs("100.96.0.2/32"),
      site: { name: "lab", ...(vpcIP && { vpcIP }) },
    },
    says: { matter: () => {}, resultOf: () => () => {}, loop: () => ({ onResult: () => {} }) },
    resyncMs: 3_600_000,
    onChange: () => {},
  });
}

Deno.test("a spoke is where it speaks to the API server from, as soon as that is known and when it changes", async () => {
  const api = new OneNode();
  const cluster = clusterOf(api);
  const stop = new AbortController();
  const running = cluster.run(stop.signal);
  await api.says(keys.publicKey, keyOf(2));
  await api.says(keys.site, "lab");
  assertEquals(api.vpcIP, undefined);
  cluster.reachedFrom("10.9.0.2" as IpAddress);
  await api.says(keys.vpcIP, "10.9.0.2");
  assertEquals(api.renewals, 0);
  cluster.reachedFrom(undefined);
  cluster.reachedFrom("10.9.0.7" as IpAddress);
  await api.says(keys.vpcIP, "10.9.0.7");
  assertEquals(api.renewals, 1, "connections from the old address are dead");
  stop.abort();
  await running;
});

Deno.test("a spoke that is told where it is says that, whatever it speaks from", async () => {
  const api = new OneNode();
  const cluster = clusterOf(api, "10.1.1.1" as IpAddress);
  const stop = new AbortController();
  cluster.reachedFrom("10.9.0.2" as IpAddress);
  const running = cluster.run(stop.signal);
  await api.says(keys.vpcIP, "10.1.1.1");
  stop.abort();
  await running;
  assertEquals(api.vpcIP, "10.1.1.1");
  assertEquals(api.selectors.map(({ labelSelector }) => labelSelector).sort(), [
    "p/hub=true",
    "p/peer=true",
    undefined,
  ]);
});
