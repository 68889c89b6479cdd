/** The addresses of Nodes from a real API server: as people see them, and all of them. */
import { assertEquals } from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { createNode, deleteNode } from "../lab/create_node.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { sharedLab } from "../lab/shared_lab.ts";

const HUB = "addresses-hub";
const PEER = "addresses-edge";
const BARE = "addresses-bare";
const manifest = (name: string) => new URL(`../../deploy/${name}.yaml`, import.meta.url).pathname;

Deno.test("the addresses of all Nodes but peers are read, by the hub's own rights", async () => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  await cluster.kubectl(["apply", "-f", manifest("namespace"), "-f", manifest("rbac")]);
  try {
    await createNode(cluster.admin, HUB, {
      internalIPs: ["10.0.0.5", "fd00::5"],
      externalIPs: ["203.0.113.5"],
    });
    await createNode(cluster.admin, BARE);
    await createNode(cluster.admin, PEER, {
      internalIPs: ["10.0.0.6"],
      labels: { "wireguard.kube/peer": "true" },
    });
    const { kubeconfig } = await hubCredentials(cluster, HUB);
    await using api = new ApiClient(await openCredentials({ kubeconfig }));
    const read = async (whole: boolean) => {
      const selector = { labelSelector: "wireguard.kube/peer!=true" };
      const found = await api.listNodeAddresses(selector, whole, AbortSignal.timeout(10_000));
      return [...found].filter(([name]) => name.startsWith("addresses-")).sort();
    };
    assertEquals<unknown>(await read(false), [
      [BARE, []],
      [HUB, ["10.0.0.5", "203.0.113.5"]], // a Table shows the first of each kind
    ]);
    assertEquals<unknown>(await read(true), [
      [BARE, []],
      [HUB, ["10.0.0.5", "fd00::5", "203.0.113.5"]],
    ]);
    const servers = await api.serverHosts(AbortSignal.timeout(10_000));
    assertEquals(servers, [api.host], "and where the API server is, by everybody's right");
  } finally {
    for (const name of [HUB, PEER, BARE]) await deleteNode(cluster.admin, name);
  }
});
