/** How often an idle spoke asks the API server, hour by hour, in time that the test makes pass. */
import { assert, assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { NodeSelector, WatchOptions } from "../../lib/kubernetes/api_client.ts";
import { ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import type { NodeEvent } from "../../lib/kubernetes/node_event.ts";
import { SpokeCluster } from "../../lib/spoke/spoke_cluster.ts";
import { keyOf } from "./arbitraries.ts";
import { VirtualTime } from "./virtual_time.ts";

const keys = annotationKeys("wireguard.kube/");
const HOURS = 6;
const NODE: NodeView = {
  name: "edge-1",
  uid: "1",
  createdAt: 0,
  labels: { [keys.peer]: "true" },
  annotations: { [keys.publicKey]: keyOf(1), [keys.allowedIPs]: "100.96.0.2/32" },
};

const WITH_SITE: NodeView = {
  ...NODE,
  labels: { ...NODE.labels, [keys.site]: "lab" },
  annotations: { ...NODE.annotations, [keys.vpcIP]: "10.9.0.2" },
};

const MEMBER: NodeView = {
  ...NODE,
  labels: { ...NODE.labels, [keys.member]: "true" },
  annotations: { ...NODE.annotations, [keys.allowedIPs]: "172.16.0.6/32" },
  status: { internalIPs: ["172.16.0.6" as IpAddress], externalIPs: [], ready: true },
};

/**
 * @param bookmarkMs how often the server says something on a quiet watch; Infinity: never.
 * @param node what the own Node says.
 */
async function requestsPerMinute(bookmarkMs: number, node = NODE): Promise<number> {
  const time = new VirtualTime();
  let requests = 0;
  async function* watch(_: NodeSelector, options: WatchOptions): AsyncGenerator<NodeEvent> {
    requests++;
    yield { type: "open" };
    const end = time.now + options.timeoutSeconds * 1000;
    const silence = Math.min(bookmarkMs, options.idleMs);
    while (time.now + silence < end) {
      await time.sleep(silence);
      if (bookmarkMs > options.idleMs) {
        throw new ApiUnreachable("silent", { timedOut: true });
      }
      yield { type: "bookmark", resourceVersion: "2" };
    }
    await time.sleep(end - time.now);
  }
  const stop = new AbortController();
  const cluster = new SpokeCluster({
    api: {
      listNodes: ({ fieldSelector }) => {
        requests++;
        const nodes = fieldSelector ? [node] : [];
        return Promise.resolve({ nodes, resourceVersion: "1" });
      },
      watchNodes: watch,
      patchNode: () => Promise.reject(new Error("there is nothing to patch")),
      renew: () => {},
    },
    nodeName: NODE.name,
    keys,
    publication: {
      role: "peer",
      publicKey: keyOf(1),
      allowedIPs: ["100.96.0.2/32"] as never[],
      ...(node === MEMBER && { isMember: true }),
      ...(node === WITH_SITE && { site: { name: "lab", vpcIP: "10.9.0.2" as IpAddress } }),
    },
    says: {
      matter: () => {},
      resultOf: () => (error) => assertEquals(error, undefined),
      loop: () => ({ onResult: (error) => assertEquals(error, undefined) }),
    },
    resyncMs: 10_000,
    onChange: () => {},
    time: { now: () => time.now, sleep: time.sleep },
  });
  const running = cluster.run(stop.signal);
  await time.pass(HOURS * 3_600_000);
  stop.abort();
  assert(cluster.registered);
  await time.pass(time.now + 3_600_000).catch(() => {}); // those who wait see that it is over
  await running;
  return requests / (HOURS * 60);
}

Deno.test("an idle spoke asks at most 1.2 times a minute, the original 24 times", async () => {
  const usual = await requestsPerMinute(60_000);
  const silent = await requestsPerMinute(Infinity);
  assert(usual > 0.3 && usual < 0.8, `${usual} with bookmarks`);
  assert(silent > usual && silent <= 1.2, `${silent} where the server says nothing`);
});

Deno.test("an idle spoke with a site asks at most 1.6 times a minute, the original 32 to 45 times", async () => {
  const usual = await requestsPerMinute(60_000, WITH_SITE);
  const silent = await requestsPerMinute(Infinity, WITH_SITE);
  assert(usual > 0.6 && usual < 1.2, `${usual} with bookmarks`);
  assert(silent > usual && silent <= 1.6, `${silent} where the server says nothing`);
});

Deno.test("an idle member asks as seldom as a spoke", async () => {
  const [member, spoke] = [
    await requestsPerMinute(60_000, MEMBER),
    await requestsPerMinute(60_000),
  ];
  assert(Math.abs(member - spoke) < 0.1, `${member}, a spoke ${spoke}`);
  const silent = await requestsPerMinute(Infinity, MEMBER);
  assert(silent <= 1.2, `${silent} where the server says nothing`);
});
