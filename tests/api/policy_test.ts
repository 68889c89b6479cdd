/** The shipped manifests on a real API server: what each credential can and cannot do. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { Publication } from "../../lib/contract/publication.ts";
import { parseCidr } from "../../lib/ip/cidr.ts";
import { ApiClient as HubsClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { publish, Refused } from "../../lib/reconcile/publish.ts";
import { parsePublicKey } from "../../lib/wireguard/key.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { policyAttacks } from "./policy_attacks.ts";
import { legitimateRequests } from "./policy_legitimate.ts";
import { NAMESPACE } from "./policy_people.ts";
import { nodePath } from "./policy_request.ts";
import { NODES, PolicyStage } from "./policy_stage.ts";
import { allowAll, messageOf, refuseAll, send } from "./policy_steps.ts";

const DEPLOYMENTS = [
  { folder: "deploy", prefix: "wireguard.kube/" },
  { folder: "overlays/azure-prefix", prefix: "stretch.azure.com/wireguard-" },
];

const pathOf = (folder: string) => new URL(`../../${folder}`, import.meta.url).pathname;

for (const { folder, prefix } of DEPLOYMENTS) {
  Deno.test(`${folder} keeps everybody to what is theirs`, async (t) => {
    await using lab = await sharedLab();
    await using stage = await PolicyStage.set(lab.cluster, pathOf(folder), prefix);

    await refuseAll(t, stage, policyAttacks(prefix));
    await allowAll(t, stage, legitimateRequests(prefix));

    await t.step("allowed: a hub whose label was taken away clears up", async () => {
      const labels = { [`${prefix}hub`]: null };
      await lab.cluster.admin.expect("PATCH", nodePath(NODES.hub), { metadata: { labels } });
      const set = (value: string | null) =>
        stage.as("hub").request("PATCH", nodePath(NODES.hub), {
          metadata: { annotations: { [`${prefix}public-key`]: value } },
        });
      assertEquals((await set("again")).status, 422);
      assertEquals((await set(null)).status, 200);
    });

    await t.step(
      "the hub's program says who has to label its Node, and then publishes",
      async () => {
        await publishes(stage);
      },
    );

    await t.step("allowed: a hub labels itself, where its account has the verb", async () => {
      await labelsItself(stage);
    });
  });
}

/** The hub's account gets the verb "manage" for one Node, and so may label that one. */
async function labelsItself(stage: PolicyStage): Promise<void> {
  const { cluster, prefix } = stage;
  const metadata = { name: "policy-hub-manages" };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const rule = { apiGroups: ["wireguard.kube"], resources: ["nodes"], verbs: ["manage"] };
  const rules = [{ ...rule, resourceNames: [NODES.hub] }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", ...metadata };
  const subjects = [{ kind: "ServiceAccount", namespace: NAMESPACE, name: "wireguard-hub" }];
  const items = [
    { apiVersion, kind: "ClusterRole", metadata, rules },
    { apiVersion, kind: "ClusterRoleBinding", metadata, roleRef, subjects },
  ];
  const grant = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const label = { metadata: { labels: { [`${prefix}hub`]: "true" } } };
  await cluster.kubectl(["label", "node", NODES.hub, NODES.plain, `${prefix}hub-`]);
  await stage.answers(422, "hub", nodePath(NODES.hub), label);
  try {
    await cluster.kubectl(["apply", "-f", "-"], grant);
    await stage.answers(200, "hub", nodePath(NODES.hub), label);
    await stage.as("hub").expect("PATCH", nodePath(NODES.hub), label);
    const other = await stage.as("hubOnPlain").request("PATCH", nodePath(NODES.plain), label);
    assertEquals(other.status, 422, messageOf(other));
  } finally {
    await cluster.kubectl(["delete", "--wait=false", "-f", "-"], grant);
  }
}

/** The program's own parts with a hub's token, on a Node whose label is missing at first. */
async function publishes(stage: PolicyStage): Promise<void> {
  const { cluster, prefix } = stage;
  const keys = annotationKeys(prefix);
  const { kubeconfig } = await hubCredentials(cluster, NODES.hub);
  await using api = new HubsClient(await openCredentials({ kubeconfig }));
  const { signal } = new AbortController();
  const wanted: Publication = {
    role: "hub",
    publicKey: parsePublicKey(btoa("k".repeat(32)))!,
    allowedIPs: [parseCidr("100.96.0.0/12")!],
  };
  const read = async () => {
    const selector = { fieldSelector: `metadata.name=${NODES.hub}` };
    const { nodes } = await api.listNodes(selector, { metadataOnly: true, signal });
    return nodes[0]!;
  };
  const refusal = await assertRejects(
    async () => await publish(api, await read(), wanted, keys, signal),
    Refused,
  );
  assertStringIncludes(refusal.message, `kubectl label node ${NODES.hub} ${prefix}hub=true`);
  await cluster.kubectl(["label", "node", NODES.hub, `${prefix}hub=true`]);
  assertEquals(await publish(api, await read(), wanted, keys, signal), [
    keys.publicKey,
    keys.allowedIPs,
  ]);
  assertEquals(await publish(api, await read(), wanted, keys, signal), []);
}

Deno.test("overlays/without-policy leaves the policies out, and then their attacks succeed", async (t) => {
  const prefix = "wireguard.kube/";
  await using lab = await sharedLab();
  await using stage = await PolicyStage.set(
    lab.cluster,
    pathOf("overlays/without-policy"),
    prefix,
    { policies: false },
  );
  const before = await stage.versions();
  for (const attack of policyAttacks(prefix).filter(({ status }) => status === 422)) {
    await t.step(`control: ${attack.who} ${attack.what}`, async () => {
      const answer = await send(stage, attack, "dryRun=All");
      assert(answer.status < 300, messageOf(answer));
    });
  }
  assertEquals(await stage.versions(), before);
});
