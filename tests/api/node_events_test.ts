/** What a hub refuses is told to the Node's owner, with no more rights than deploy/rbac.yaml grants. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Refusal } from "../../lib/contract/refusal.ts";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { NodeEvents } from "../../lib/hub/node_events.ts";
import { refusalNotice } from "../../lib/hub/node_notice.ts";
import { createNode, deleteNode } from "../lab/create_node.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { sharedLab } from "../lab/shared_lab.ts";

const HUB = "events-hub";
const PEER = "events-edge-7";
const manifest = (name: string) => new URL(`../../deploy/${name}.yaml`, import.meta.url).pathname;

Deno.test("kubectl describe node shows what the hub refuses, by the hub's own rights", async () => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  await cluster.kubectl(["apply", "-f", manifest("namespace"), "-f", manifest("rbac")]);
  try {
    await createNode(cluster.admin, HUB);
    await createNode(cluster.admin, PEER);
    const { kubeconfig } = await hubCredentials(cluster, HUB);
    await using api = new ApiClient(await openCredentials({ kubeconfig }));
    const { signal, results } = await tell(api, [{
      node: PEER,
      subject: "allowed-ips",
      value: "8.8.8.8/32",
      code: "out-of-bounds",
      reason: "lies outside --peer-cidrs",
    }]);
    assertEquals([results, signal.aborted], [[undefined], true]);
    assertMatch(
      await cluster.kubectl(["describe", "node", PEER]),
      /Warning +ClaimRefused .*hub events-hub refuses allowed-ips 8\.8\.8\.8\/32: lies outside/,
    );
  } finally {
    await deleteNode(cluster.admin, PEER);
    await deleteNode(cluster.admin, HUB);
  }
});

/** Tells those refusals, until the first outcome. */
async function tell(api: ApiClient, refusals: readonly Refusal[]) {
  const results: unknown[] = [];
  const stop = new AbortController();
  const node = await api.getNode(PEER, stop.signal);
  const events = new NodeEvents({
    api,
    reporter: "wireguard.kube/hub",
    hub: HUB,
    node: () => node,
    onResult: (error) => {
      results.push(error);
      stop.abort();
    },
  });
  events.update("admission", refusals.map((refusal) => refusalNotice(refusal, HUB)));
  await events.run(stop.signal);
  return { signal: stop.signal, results };
}
