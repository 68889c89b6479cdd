import { assert, assertEquals } from "@std/assert";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import type { Conformance, ConformanceCase } from "./conformance_case.ts";

/** How lists go on as watches, and what watches tell, as cases. */
export const WATCH_CASES: readonly ConformanceCase[] = [
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
];

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
