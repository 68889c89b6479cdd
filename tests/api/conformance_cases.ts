import { assert, assertEquals } from "@std/assert";
import type { ApiClient, NodeSelector } from "../../lib/kubernetes/api_client.ts";
import { eventOf, type NodeReport } from "../../lib/kubernetes/node_report.ts";
import { type Conformance, type ConformanceCase, refused } from "./conformance_case.ts";
import { WATCH_CASES } from "./conformance_watch_cases.ts";

/** The part of the API that this project relies on, as cases. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...WATCH_CASES,
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
    name: "the server says where it is reached",
    async run(t) {
      assertEquals(await t.api.serverHosts(t.signal), [t.api.host]);
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
    name: "a report about a Node is taken, however long",
    async run(t) {
      const report = (message: string): NodeReport => ({
        node: { name: t.name("a"), uid: crypto.randomUUID() },
        type: "Warning",
        reason: "Refused",
        action: "Admit",
        reporter: "wireguard.kube/test",
        instance: "test".repeat(100),
        message,
        at: new Date(),
      });
      for (const message of ["short", "x".repeat(5000), "ü".repeat(2000)]) {
        await t.api.createEvent(report(message), t.signal);
      }
      const posted = t.api.send({
        method: "POST",
        path: "/apis/events.k8s.io/v1/namespaces/default/events",
        body: { ...eventOf(report("")), note: "x".repeat(1025) },
        signal: t.signal,
      });
      await refused(posted, 422, "Invalid", "can have at most 1024");
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
