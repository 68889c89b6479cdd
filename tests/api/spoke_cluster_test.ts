/** A spoke and a real API server: the kubelet's credential, from before its Node exists to its rotation. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { awaitCredentials } from "../../lib/kubernetes/await_credentials.ts";
import { SpokeCluster } from "../../lib/spoke/spoke_cluster.ts";
import { messageOf } from "../../lib/user_error.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import type { Cluster } from "../lab/cluster.ts";
import { createNode, deleteNode } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { kubeletCredentials } from "../lab/kubelet_credentials.ts";
import { sharedLab } from "../lab/shared_lab.ts";

const NODE = "spoke-cluster-1";
const HUB = "spoke-cluster-hub";
const keys = annotationKeys("spoke-cluster.test/"); // other tests have Nodes on this server, too
const manifest = (name: string) => new URL(`../../deploy/${name}.yaml`, import.meta.url).pathname;
const RBAC = ["apply", "-f", manifest("namespace"), "-f", manifest("rbac")];
const BINDING = "clusterrolebinding/wireguard-spoke";
const { publicKey } = await generatePrivateKey();

/** The part of a spoke that speaks to the cluster, and all that it has said. */
class Running implements AsyncDisposable {
  readonly said: string[] = [];
  cluster: SpokeCluster | undefined;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(kubeconfig: string) {
    this.#ended = this.#run(kubeconfig);
  }

  async #run(kubeconfig: string): Promise<void> {
    const { signal } = this.#stop;
    const resultOf = (what: string) => (error?: unknown) => {
      this.#say(`${what}: ${error === undefined ? "works" : messageOf(error)}`);
    };
    const credentials = await awaitCredentials({ kubeconfig }, resultOf("credentials"), signal);
    if (!credentials) return;
    await using api = new ApiClient(credentials);
    this.cluster = new SpokeCluster({
      api,
      nodeName: NODE,
      keys,
      publication: { role: "peer", publicKey, allowedIPs: ["100.96.0.2/32" as Cidr] },
      says: {
        resultOf,
        loop: (what) => ({ onResult: resultOf(what) }),
        matter: (key, text) => text && this.#say(`${key}: ${text}`),
      },
      resyncMs: 1000,
      onChange: () => {},
    });
    await this.cluster.run(signal);
  }

  /** As the log does: the same once. */
  #say(line: string): void {
    if (!this.said.includes(line)) this.said.push(line);
  }

  async says(part: string): Promise<void> {
    await eventually(`it says ${part}`, () => {
      return this.said.some((line) => line.includes(part)) || undefined;
    }, () => this.said.join("\n"));
  }

  async registers(): Promise<void> {
    await eventually("it registers", () => this.cluster?.registered || undefined, () => {
      return this.said.join("\n");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}

/** The labels and annotations of the Node, as the administrator sees them. */
async function metadataOf({ admin }: Cluster): Promise<Record<string, string>> {
  const { metadata } = await admin.expect("GET", `/api/v1/nodes/${NODE}`) as {
    metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  };
  return { ...metadata.labels, ...metadata.annotations };
}

Deno.test("a spoke joins by the kubelet's credential, as it comes, changes and runs out", async (t) => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  await using cleanup = new AsyncDisposableStack();
  for (const name of [NODE, HUB]) cleanup.defer(() => deleteNode(cluster.admin, name));
  await cluster.kubectl(RBAC);
  await cluster.kubectl(["delete", BINDING]);
  cleanup.defer(async () => void await cluster.kubectl(RBAC));
  const folder = `${cluster.folder}/kubelets/${NODE}`;
  await using spoke = new Running(`${folder}/kubelet.conf`);

  await t.step("the kubeconfig is not there yet, then the certificate is not", async () => {
    await spoke.says("kubelet.conf does not exist");
    const { kubeconfig, pem } = await kubeletCredentials(cluster, NODE);
    const kept = await Deno.readTextFile(pem);
    await Deno.remove(pem);
    assertStringIncludes(await Deno.readTextFile(kubeconfig), pem);
    await spoke.says(`${pem} (named by ${kubeconfig}) does not exist`);
    await Deno.writeTextFile(`${folder}/first.pem`, kept, { mode: 0o600 });
    await Deno.symlink(`${folder}/first.pem`, pem);
  });

  await t.step("the Node is not there yet; a spoke never makes it", async () => {
    await spoke.says("own node: is not there yet");
    const { status } = await cluster.admin.request("GET", `/api/v1/nodes/${NODE}`);
    assertEquals(status, 404);
  });

  await t.step("a credential that may not read hubs is told of the manifest, once", async () => {
    await spoke.says("must apply deploy/rbac.yaml");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const lines = spoke.said.filter((line) => line.includes("watch of the hubs"));
    assertEquals(lines.length, 1, lines.join("\n"));
    assertEquals(spoke.cluster?.hubs, undefined);
  });

  await t.step(
    "the kubelet registers its Node, with labels of its own, and the spoke follows",
    async () => {
      await createNode(cluster.admin, NODE, { labels: { "example.com/own": "1" } });
      await spoke.registers();
      const found = await metadataOf(cluster);
      assertEquals(found["example.com/own"], "1");
      assertEquals([found[keys.peer], found[keys.publicKey], found[keys.allowedIPs]], [
        "true",
        publicKey,
        "100.96.0.2/32",
      ]);
    },
  );

  await t.step("the manifest is applied, and the hubs are seen within seconds", async () => {
    await createNode(cluster.admin, HUB, { labels: { [keys.hub]: "true" } });
    await cluster.kubectl(RBAC);
    await eventually("the hub is seen", () => spoke.cluster?.hubs?.has(HUB) || undefined);
  });

  /** Takes the label away as an administrator, and waits for the spoke to put it back. */
  const putBack = async () => {
    await cluster.admin.expect("PATCH", `/api/v1/nodes/${NODE}`, {
      metadata: { labels: { [keys.peer]: null } },
    });
    await eventually("the label is back", async () => {
      return (await metadataOf(cluster))[keys.peer] === "true" || undefined;
    }, () => spoke.said.join("\n"));
  };

  await t.step("what is removed from the Node is put back", putBack);

  await t.step(
    "the certificate is rotated while the spoke runs, and the old one runs out",
    async () => {
      const notAfter = new Date(Date.now() + 8000);
      await kubeletCredentials(cluster, NODE, { notAfter });
      spoke.cluster!.reconnect(); // so that it is this one that is in use
      await putBack();
      const { pem } = await kubeletCredentials(cluster, NODE);
      assertEquals((await Deno.lstat(pem)).isSymlink, true);
      await new Promise((resolve) => setTimeout(resolve, notAfter.getTime() + 1500 - Date.now()));
      await putBack();
    },
  );

  await t.step(
    "a certificate that has run out is told; the next one is taken within seconds",
    async () => {
      const notAfter = new Date(Date.now() + 4000);
      await kubeletCredentials(cluster, NODE, { notAfter });
      spoke.cluster!.reconnect();
      await new Promise((resolve) => setTimeout(resolve, notAfter.getTime() + 1500 - Date.now()));
      spoke.cluster!.reconnect();
      await spoke.says("401");
      await kubeletCredentials(cluster, NODE);
      await putBack();
    },
  );

  await t.step("the Node is deleted and made again, and says the same again", async () => {
    await deleteNode(cluster.admin, NODE);
    await createNode(cluster.admin, NODE);
    await eventually("it registers again", async () => {
      return (await metadataOf(cluster))[keys.publicKey] === publicKey || undefined;
    }, () => spoke.said.join("\n"));
    assert(spoke.cluster?.hubs?.has(HUB));
  });
});
