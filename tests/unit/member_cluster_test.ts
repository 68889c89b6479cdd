/** What members say to the API and ask of it, with an API of the test's own. */
import { assert, assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { MetadataPatch } from "../../lib/contract/publication.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { NodeSelector, WatchOptions } from "../../lib/kubernetes/api_client.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import { SpokeCluster } from "../../lib/spoke/spoke_cluster.ts";
import { keyOf } from "./arbitraries.ts";

const keys = annotationKeys("p/");
const MANY = 200;

/** Nodes that keep what is patched; whoever watches one is told. */
class Nodes {
  readonly #nodes = new Map<string, NodeView>();
  #changed = Promise.withResolvers<void>();
  requests = 0;

  get = (name: string): NodeView => this.#nodes.get(name)!;

  put(node: NodeView): void {
    this.#nodes.set(node.name, node);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until a Node is so. */
  async until(name: string, isSo: (node: NodeView) => boolean): Promise<void> {
    while (!isSo(this.get(name))) await this.#changed.promise;
  }

  listNodes = ({ fieldSelector }: NodeSelector) => {
    this.requests++;
    const name = fieldSelector?.slice("metadata.name=".length);
    return Promise.resolve({
      nodes: name === undefined ? [] : [this.get(name)],
      resourceVersion: "1",
    });
  };

  async *watchNodes(
    { fieldSelector }: NodeSelector,
    { signal, metadataOnly }: WatchOptions,
  ): AsyncGenerator<NodeEvent> {
    this.requests++;
    yield { type: "open" };
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    let told: NodeView | undefined;
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      if (fieldSelector !== undefined) {
        const { status, ...metadata } = this.get(fieldSelector.slice("metadata.name=".length));
        const node = metadataOnly ? metadata : { ...metadata, ...(status && { status }) };
        if (JSON.stringify(node) !== JSON.stringify(told)) {
          yield { type: "put", node, resourceVersion: "2" };
        }
        told = node;
      }
      await Promise.race([changed, ended]);
    }
    signal.throwIfAborted();
  }

  patchNode = (name: string, patch: MetadataPatch) => {
    this.requests++;
    const merged = (had: NodeView["labels"], added: MetadataPatch["labels"] = {}) =>
      Object.fromEntries(
        Object.entries({ ...had, ...added }).filter((entry): entry is [string, string] =>
          entry[1] !== null
        ),
      );
    const { labels, annotations, ...rest } = this.get(name);
    const node = {
      ...rest,
      labels: merged(labels, patch.labels),
      annotations: merged(annotations, patch.annotations),
    };
    this.put(node);
    return Promise.resolve(node);
  };

  renew = () => {};
}

const withAddresses = (name: string, ...internalIPs: string[]): NodeView => ({
  name,
  uid: name,
  createdAt: 0,
  labels: {},
  annotations: {},
  status: { internalIPs: internalIPs as IpAddress[], externalIPs: [], ready: true },
});

const memberOf = (api: Nodes, nodeName: string, number: number) =>
  new SpokeCluster({
    api,
    nodeName,
    keys,
    publication: { role: "peer", publicKey: keyOf(number), allowedIPs: [], isMember: true },
    says: { matter: () => {}, resultOf: () => () => {}, loop: () => ({ onResult: () => {} }) },
    resyncMs: 3_600_000,
    onChange: () => {},
  });

Deno.test("a member publishes its Node's InternalIPs, follows them, and leaves when it is to be none", async () => {
  const api = new Nodes();
  api.put(withAddresses("n1"));
  const stop = new AbortController();
  const cluster = memberOf(api, "n1", 1);
  const running = cluster.run(stop.signal);
  const says = (text: string) =>
    api.until("n1", ({ annotations }) => annotations[keys.allowedIPs] === text);

  api.put({ ...api.get("n1"), status: withAddresses("n1", "172.16.0.6").status! });
  await says("172.16.0.6/32");
  assertEquals(api.get("n1").labels, { [keys.peer]: MARKED, [keys.member]: MARKED });
  api.put({ ...api.get("n1"), status: withAddresses("n1", "172.16.0.9", "fd16::9").status! });
  await says("172.16.0.9/32,fd16::9/128");

  api.put({ ...api.get("n1"), labels: { ...api.get("n1").labels, [keys.member]: "false" } });
  await api.until("n1", ({ labels }) => labels[keys.peer] === undefined);
  assertEquals(api.get("n1").annotations, {});
  assertEquals(api.get("n1").labels, { [keys.member]: "false" });
  assert(cluster.isUnwanted);
  stop.abort();
  await running;
});

Deno.test("200 members that come up at once make six requests each", async () => {
  const api = new Nodes();
  const names = Array.from({ length: MANY }, (_, at) => `n${at}`);
  names.forEach((name, at) => api.put(withAddresses(name, `172.16.1.${at}`)));
  const stop = new AbortController();
  const running = names.map((name, at) => memberOf(api, name, at + 1).run(stop.signal));
  for (const [at, name] of names.entries()) {
    await api.until(name, (node) => node.annotations[keys.allowedIPs] === `172.16.1.${at}/32`);
  }
  // Own Node and hubs, each listed and watched; the labels, then the annotations.
  assertEquals(api.requests, 6 * MANY);
  stop.abort();
  await Promise.all(running);
});
