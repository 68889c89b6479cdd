import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ApiClient, NodeSelector } from "../../lib/kubernetes/api_client.ts";
import { ApiError } from "../../lib/kubernetes/api_error.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";

/** What a case works with. The server may hold Nodes of others: a case looks at its own alone. */
export interface Conformance {
  readonly api: ApiClient;
  readonly signal: AbortSignal;
  /** A label that only this case's Nodes bear. */
  readonly label: string;
  /** A Node name of this case. */
  name(suffix: string): string;
  /** Creates a Node that bears the label. It is deleted after the case. */
  create(suffix: string, labels?: Record<string, string>): Promise<void>;
  delete(suffix: string): Promise<unknown>;
}

/** What must be true of any server that is taken for a Kubernetes API. */
export interface ConformanceCase {
  readonly name: string;
  run(t: Conformance): Promise<void>;
}

/** The part of the API that this project relies on, as cases. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  {
    name: "a Node that is created is read back with uid and time",
    async run(t) {
      const before = Date.now();
      await t.create("a");
      const node = await t.api.getNode(t.name("a"), t.signal);
      assertEquals(node?.name, t.name("a"));
      assertEquals(node?.labels, { [t.label]: "true" });
      assert(/^[0-9a-f-]{36}$/.test(node!.uid), node!.uid);
      assert(Math.abs(node!.createdAt - before) < 10_000);
      assertEquals(node?.status, { internalIPs: [], externalIPs: [], ready: false });
    },
  },
  {
    name: "what is not there is NotFound",
    async run(t) {
      assertEquals(await t.api.getNode(t.name("none"), t.signal), undefined);
      const patched = t.api.patchNode(t.name("none"), { labels: { a: "b" } }, t.signal);
      await refused(patched, 404, "NotFound", `nodes "${t.name("none")}" not found`);
      await refused(t.delete("none"), 404, "NotFound", "not found");
      const lost = t.api.send({ path: "/api/v1/nosuchthings", signal: t.signal });
      await refused(lost, 404, "NotFound", "could not find the requested resource");
    },
  },
  {
    name: "a name is given once",
    async run(t) {
      await t.create("a");
      await refused(t.create("a"), 409, "AlreadyExists", `nodes "${t.name("a")}" already exists`);
    },
  },
  {
    name: "a merge patch sets, replaces, removes, and leaves the rest",
    async run(t) {
      await t.create("a", { stays: "1" });
      const patch = (changes: Parameters<ApiClient["patchNode"]>[1]) =>
        t.api.patchNode(t.name("a"), changes, t.signal);
      await patch({ annotations: { "wireguard.kube/endpoint": "192.0.2.1:1", other: "o" } });
      await patch({ annotations: { "wireguard.kube/endpoint": "192.0.2.2:2", absent: null } });
      await patch({ labels: { added: "yes" }, annotations: { other: null } });
      const node = await t.api.getNode(t.name("a"), t.signal);
      assertEquals(node?.labels, { [t.label]: "true", stays: "1", added: "yes" });
      assertEquals(node?.annotations, { "wireguard.kube/endpoint": "192.0.2.2:2" });
    },
  },
  {
    name: "a patch that answers to an older version is a Conflict",
    async run(t) {
      await t.create("a");
      const body = { metadata: { resourceVersion: "1", annotations: { a: "b" } } };
      const sent = rawPatch(t, "a", body);
      await refused(sent, 409, "Conflict", "the object has been modified");
    },
  },
  {
    name: "a patch that changes nothing makes no new version",
    async run(t) {
      await t.create("a");
      const version = async () =>
        (await rawPatch(t, "a", { metadata: { annotations: { a: "b" } } })).metadata
          .resourceVersion;
      assertEquals(await version(), await version());
    },
  },
  {
    name: "the status is changed by its own path alone",
    async run(t) {
      await t.create("a");
      const status = {
        conditions: [{ type: "Ready", status: "True", reason: "r", message: "m" }],
        addresses: [
          { type: "InternalIP", address: "10.0.0.7" },
          { type: "ExternalIP", address: "192.0.2.7" },
          { type: "Hostname", address: "a" },
        ],
      };
      await rawPatch(t, "a", { status });
      const unchanged = await t.api.getNode(t.name("a"), t.signal);
      assertEquals(unchanged?.status?.ready, false);
      await rawPatch(t, "a", { status, spec: { unschedulable: true } }, "/status");
      const node = await t.api.getNode(t.name("a"), t.signal);
      assertEquals<unknown>(node?.status, {
        internalIPs: ["10.0.0.7"],
        externalIPs: ["192.0.2.7"],
        ready: true,
      });
      const raw = await t.api.send({ path: `/api/v1/nodes/${t.name("a")}`, signal: t.signal });
      assertEquals((raw as { spec: { unschedulable?: boolean } }).spec.unschedulable, undefined);
    },
  },
  {
    name: "a list is narrowed by labels and by name",
    async run(t) {
      await t.create("a", { colour: "red" });
      await t.create("b", { colour: "blue" });
      await t.create("c", { [t.label]: "false" });
      const names = async (selector: NodeSelector) => {
        const { nodes } = await t.api.listNodes(selector, { metadataOnly: true, signal: t.signal });
        return nodes.map((node) => node.name).sort();
      };
      const [a, b, c] = ["a", "b", "c"].map(t.name);
      assertEquals<unknown>(await names({ labelSelector: `${t.label}=true` }), [a, b]);
      assertEquals<unknown>(await names({ labelSelector: t.label }), [a, b, c]);
      assertEquals<unknown>(await names({ labelSelector: `${t.label}=true,colour=blue` }), [b]);
      assertEquals<unknown>(await names({ labelSelector: `${t.label},colour!=red` }), [b, c]);
      assertEquals<unknown>(await names({ labelSelector: `${t.label},!colour` }), [c]);
      assertEquals<unknown>(await names({ fieldSelector: `metadata.name=${c}` }), [c]);
      assertEquals<unknown>(await names({ labelSelector: `${t.label}=nobody` }), []);
      await refused(names({ labelSelector: "=" }), 400, "BadRequest", "");
    },
  },
  {
    name: "a list leaves the status out when it is asked to",
    async run(t) {
      await t.create("a");
      for (const metadataOnly of [true, false]) {
        const selector = { labelSelector: t.label };
        const { nodes } = await t.api.listNodes(selector, { metadataOnly, signal: t.signal });
        assertEquals(nodes.map(({ status }) => status === undefined), [metadataOnly]);
        assertEquals(nodes[0]?.labels, { [t.label]: "true" });
      }
    },
  },
  {
    name: "a list in pages is whole, and a watch goes on from it",
    async run(t) {
      for (const suffix of ["a", "b", "c", "d", "e"]) await t.create(suffix);
      const selector = { labelSelector: t.label };
      const options = { metadataOnly: true, signal: t.signal, limit: 2 };
      const { nodes, resourceVersion } = await t.api.listNodes(selector, options);
      assertEquals(nodes.map((node) => node.name), ["a", "b", "c", "d", "e"].map(t.name));
      await t.create("f");
      const events = await collect(t, resourceVersion, 1);
      assertEquals(events.map(told), [`put ${t.name("f")}`]);
    },
  },
  {
    name: "a watch tells what happened since, then what happens",
    async run(t) {
      const start = await version(t);
      await t.create("a");
      await t.api.patchNode(t.name("a"), { annotations: { a: "1" } }, t.signal);
      let live: Promise<unknown> | undefined;
      const events = await collect(t, start, 4, (event) => {
        if (event.type !== "put" || event.node.annotations.a !== "1" || live) return;
        live = t.api.patchNode(t.name("a"), { annotations: { a: "2" } }, t.signal)
          .then(() => t.delete("a"));
      });
      await live;
      const name = t.name("a");
      assertEquals(events.map(told), [`put ${name}`, `put ${name}`, `put ${name}`, `gone ${name}`]);
      const versions = events.map((event) => event.type === "open" ? 0 : event.resourceVersion);
      assertEquals(new Set(versions).size, 4);
      assertEquals(versions.map(Number).toSorted((a, b) => a - b), versions.map(Number));
    },
  },
  {
    name: "a watch by label tells of Nodes that come by and leave the label",
    async run(t) {
      await t.create("a", { [t.label]: "false" });
      const start = await version(t);
      const label = (value: string) =>
        t.api.patchNode(t.name("a"), { labels: { [t.label]: value } }, t.signal);
      await label("true");
      await label("false");
      await label("true");
      await t.delete("a");
      const events = await collect(t, start, 4, undefined, `${t.label}=true`);
      const name = t.name("a");
      assertEquals(events.map(told), [
        `put ${name}`,
        `gone ${name}`,
        `put ${name}`,
        `gone ${name}`,
      ]);
    },
  },
  {
    name: "a watch gives a bookmark when asked, and ends in time",
    async run(t) {
      const start = await version(t);
      const events: NodeEvent[] = [];
      const began = performance.now();
      for await (const event of watch(t, start, 4)) {
        events.push(event);
        // A server has nothing to mark while nothing happens.
        if (event.type === "open") await t.create("a");
      }
      const lasted = performance.now() - began;
      assert(lasted > 3000 && lasted < 15_000, `lasted ${lasted} ms`);
      const bookmarks = events.filter((event) => event.type === "bookmark");
      assert(bookmarks.length > 0, JSON.stringify(events));
      assert(Number(bookmarks.at(-1)!.resourceVersion) > Number(start));
    },
  },
  {
    name: "Events of both API groups are taken",
    async run(t) {
      const regarding = { apiVersion: "v1", kind: "Node", name: t.name("a") };
      const common = { metadata: { name: t.name("event") }, type: "Warning", reason: "Test" };
      const time = new Date().toISOString().replace(/Z$/, "000Z");
      const posted = [
        await t.api.send({
          method: "POST",
          path: "/api/v1/namespaces/default/events",
          body: { ...common, involvedObject: regarding, message: "m" },
          signal: t.signal,
        }),
        await t.api.send({
          method: "POST",
          path: "/apis/events.k8s.io/v1/namespaces/default/events",
          body: {
            metadata: { generateName: t.name("event-") },
            type: "Warning",
            reason: "Test",
            regarding,
            note: "m",
            action: "Test",
            eventTime: time,
            reportingController: "wg-kube/test",
            reportingInstance: "test",
          },
          signal: t.signal,
        }),
      ] as { metadata: { name: string; namespace: string; uid: string } }[];
      for (const { metadata } of posted) {
        assert(metadata.name.startsWith(t.name("event")));
        assertEquals(metadata.namespace, "default");
        assert(metadata.uid.length > 0);
      }
    },
  },
  {
    name: "the server says that it is ready, and which it is",
    async run(t) {
      const version = await t.api.send({ path: "/version", signal: t.signal });
      assertEquals((version as { major: string }).major, "1");
    },
  },
];

async function refused(
  attempt: Promise<unknown>,
  status: number,
  reason: string,
  message: string,
): Promise<void> {
  const error = await assertRejects(() => attempt, ApiError, message);
  assertEquals([error.status, error.reason], [status, reason]);
}

function rawPatch(
  t: Conformance,
  suffix: string,
  body: unknown,
  part = "",
): Promise<{ metadata: { resourceVersion: string } }> {
  return t.api.send({
    method: "PATCH",
    path: `/api/v1/nodes/${t.name(suffix)}${part}`,
    contentType: "application/merge-patch+json",
    body,
    signal: t.signal,
  }) as Promise<{ metadata: { resourceVersion: string } }>;
}

async function version(t: Conformance): Promise<string> {
  const selector = { labelSelector: t.label };
  return (await t.api.listNodes(selector, { metadataOnly: true, signal: t.signal }))
    .resourceVersion;
}

function watch(
  t: Conformance,
  resourceVersion: string,
  timeoutSeconds: number,
  labelSelector = t.label,
) {
  return t.api.watchNodes({ labelSelector }, {
    resourceVersion,
    timeoutSeconds,
    metadataOnly: true,
    signal: t.signal,
    idleMs: 30_000,
  });
}

/** The first so many events that are about a Node. */
async function collect(
  t: Conformance,
  resourceVersion: string,
  count: number,
  onEvent?: (event: NodeEvent) => void,
  labelSelector?: string,
): Promise<NodeEvent[]> {
  const events: NodeEvent[] = [];
  for await (const event of watch(t, resourceVersion, 20, labelSelector)) {
    if (event.type === "put" || event.type === "gone") events.push(event);
    onEvent?.(event);
    if (events.length >= count) break;
  }
  return events;
}

function told(event: NodeEvent): string {
  if (event.type === "put") return `put ${event.node.name}`;
  return event.type === "gone" ? `gone ${event.name}` : event.type;
}
