/**
 * The life of a machine at the edge, told once from its first boot to the day when the hub moves: the
 * shipped cloud-init file, unit, manifests and policies, and a real kubelet whose credential the spoke
 * uses.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ApiClient } from "../lab/api_client.ts";
import type { Cluster } from "../lab/cluster.ts";
import { deleteNode, setNodeStatus } from "../lab/create_node.ts";
import { EdgeMachine } from "../lab/edge_machine.ts";
import { eventually } from "../lab/eventually.ts";
import { KUBELET_FILES } from "../lab/kubelet.ts";
import {
  bootstrapKubeconfig,
  forgetBootstrap,
  signKubeletRequests,
} from "../lab/kubelet_requests.ts";
import { kubernetesPrograms } from "../lab/kubernetes_programs.ts";
import { nodeHistory, nodesNow, type NodeVersion } from "../lab/node_history.ts";
import { HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic } from "../lab/traffic.ts";
import { createAuthority } from "../lab/x509.ts";

const EDGE = "edge-2";
const NODE_IP = "100.96.0.2";
const RACK = { "lab.test/rack": "7" };
/** Where the hub's machine is found after it has moved. */
const NEW_HOME = "203.0.113.99";
const MINUTE_MS = 60_000;

const fromNow = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS);

Deno.test("a machine's life: cloud-init, a real kubelet, a reboot without the API, another certificate, another hub", async (t) => {
  await using stretched = await StretchedCluster.create();
  const { cluster, admin } = stretched;
  await using parts = new AsyncDisposableStack();
  const hub = await stretched.addHub();
  const [first, second] = [
    await createAuthority("kubelets-1"),
    await createAuthority("kubelets-2"),
  ];
  await cluster.trustClientsOf(first, second);
  parts.defer(() => cluster.trustClientsOf());
  const bootstrap = await bootstrapKubeconfig(cluster);
  parts.defer(() => forgetBootstrap(cluster));
  parts.defer(() => deleteNode(admin, EDGE));
  const machine = parts.use(
    await EdgeMachine.install(EDGE, "203.0.113.2/24", await kubernetesPrograms()),
  );
  const kubeletOptions = { nodeIP: NODE_IP, nodeLabels: RACK };
  const say = () => `${stretched.logs()}\n${machine.log}`;
  const beginning = await nodesNow(cluster);

  /** Waits until packets go to the hub and come back. */
  const carriesPackets = () =>
    eventually("the tunnel carries packets", async () => {
      const { code } = await machine.host.exec("ping", ["-c", "1", "-W", "1", HUB.tunnel]);
      return code === 0 || undefined;
    }, say);

  await t.step(
    "cloud-init: the spoke is ready, with its address, when nobody is there to ask",
    async () => {
      await machine.startSpoke();
      assertEquals(machine.tunnelAddress, `${NODE_IP}/32`);
      const address = await machine.host.run(["ip", "-o", "address", "show", "wg0"]);
      assertMatch(address, /100\.96\.0\.2\/32/);
      const kubeconfig = await machine.host.exec("test", ["-e", KUBELET_FILES.kubeconfig]);
      assertEquals(kubeconfig.code, 1);
    },
  );

  await t.step(
    "the kubelet's kubeconfig comes before its certificate: the spoke waits for both",
    async () => {
      await machine.host.writeFile(KUBELET_FILES.bootstrap, bootstrap);
      await machine.startKubelet(kubeletOptions);
      await eventually("the spoke misses the certificate", () => {
        return machine.spokeOutput.includes(KUBELET_FILES.pem) || undefined;
      }, say);
      assertEquals((await machine.host.exec("test", ["-e", KUBELET_FILES.pem])).code, 1);
    },
  );

  await t.step(
    "the kubelet registers with the tunnel's address, the spoke joins by its credential",
    async () => {
      const asked = await eventually("the kubelet asks for a certificate", async () => {
        // Old already: the kubelet will at once ask for another.
        const validity = { notBefore: fromNow(-600), notAfter: fromNow(10) };
        const names = await signKubeletRequests(cluster, first, EDGE, validity);
        return names[0];
      }, say);
      assertEquals(asked, "system:bootstrap:lab");
      await machine.spokeStatus(/joined by hub-1/);
      await carriesPackets();
      const { host } = hub;
      assertEquals((await host.exec("ping", ["-c", "1", "-W", "5", NODE_IP])).code, 0);
    },
  );

  await t.step(
    "no watcher ever saw its Node without the tunnel's address, or without its labels",
    async () => {
      const versions = await eventually("the Node is Ready", async () => {
        const seen = await nodeHistory(cluster, EDGE, beginning);
        return isReady(seen.at(-1)) ? seen : undefined;
      }, say);
      const addresses = new Set(versions.map(internalIPs).map(String));
      assertEquals([...addresses], [NODE_IP]);
      assertEquals(
        versions.filter(({ metadata }) => metadata.labels?.["lab.test/rack"] !== "7"),
        [],
      );
    },
  );

  await t.step(
    "its reports are taken under the policies, beside what the spoke publishes",
    async () => {
      const published = await stretched.published(EDGE);
      const key = (await machine.host.run(["wg", "show", "wg0", "public-key"])).trim();
      const expected = { peer: "true", "allowed-ips": `${NODE_IP}/32`, "public-key": key };
      assertEquals(published, expected);
      const before = heartbeat(await nodeOf(cluster));
      await eventually("another report", async () => {
        return heartbeat(await nodeOf(cluster)) > before || undefined;
      }, say);
      assertEquals(await stretched.published(EDGE), expected);
      assert(machine.kubelet.runs);
    },
  );

  await t.step(
    "a reboot with the API down: the tunnel comes from the disk, and carries packets",
    async () => {
      await cluster.stopApiServer("STOP"); // it takes connections and never answers
      try {
        await machine.reboot();
        await machine.startSpoke();
        await carriesPackets();
        await machine.startKubelet(kubeletOptions);
      } finally {
        await cluster.stopApiServer("CONT");
      }
      await machine.spokeStatus(/joined by hub-1/);
    },
  );

  await t.step(
    "the kubelet's certificate is another, the old one is refused: the spoke goes on",
    async () => {
      const old = await machine.host.readFile(KUBELET_FILES.pem);
      const traffic = { from: machine.host, to: hub.host, address: HUB.tunnel, rate: 100 };
      const { lost, refused } = await measureTraffic(traffic, async () => {
        await eventually("the kubelet has another certificate", async () => {
          const validity = { notBefore: fromNow(-1), notAfter: fromNow(600) };
          const names = await signKubeletRequests(cluster, second, EDGE, validity);
          assertEquals(names.filter((name) => name !== `system:node:${EDGE}`), []);
          return await machine.host.readFile(KUBELET_FILES.pem) !== old || undefined;
        }, say);
        await cluster.trustClientsOf(second);
        using client = new ApiClient(cluster.credentials({ certificate: old, key: old }));
        await eventually("the old certificate is refused", async () => {
          const { status } = await client.request("GET", `/api/v1/nodes/${EDGE}`);
          return status === 401 || undefined;
        });
        await stretched.annotate(EDGE, { "allowed-ips": null });
        await eventually("the spoke has put its annotation back", async () => {
          return (await stretched.published(EDGE))["allowed-ips"];
        }, say);
      });
      assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    },
  );

  await t.step("the hub moves: another machine, another key, another address", async () => {
    const peers = () => machine.host.run(["wg", "show", "wg0", "endpoints"]);
    const before = await peers();
    await hub.process.stop("SIGKILL");
    await hub.host.run(["sh", "-c", "rm -r /var/lib/wg-kube/*"]);
    await hub.host.ip(
      "link del wg0",
      `addr del ${HUB.external}/24 dev eth0`,
      `addr add ${NEW_HOME}/24 dev eth0`,
    );
    await setNodeStatus(admin, HUB.node, { internalIPs: [HUB.internal], externalIPs: [NEW_HOME] });
    hub.process = await stretched.startHub(hub.host);
    const after = await eventually("the spoke takes the other address", async () => {
      const found = await peers();
      return found.includes(`${NEW_HOME}:51820`) ? found : undefined;
    }, say);
    assertMatch(after, /^\S+\t\S+\n$/, "one peer");
    assertNotEquals(after.split("\t")[0], before.split("\t")[0]);
    await carriesPackets();
    assert(machine.kubelet.runs);
    assert(isReady(await nodeOf(cluster)));
  });

  async function nodeOf({ admin }: Cluster): Promise<NodeVersion> {
    return await admin.expect("GET", `/api/v1/nodes/${EDGE}`) as NodeVersion;
  }
});

function internalIPs({ status }: NodeVersion): string[] {
  const addresses = status.addresses ?? [];
  return addresses.filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}

function conditionOf(node: NodeVersion | undefined) {
  return node?.status.conditions?.find(({ type }) => type === "Ready");
}

function isReady(node: NodeVersion | undefined): boolean {
  return conditionOf(node)?.status === "True";
}

/** When its kubelet last reported, seconds of ISO 8601. */
function heartbeat(node: NodeVersion): string {
  return conditionOf(node)?.lastHeartbeatTime ?? "";
}
