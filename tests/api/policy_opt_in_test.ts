/** The policies that an administrator may add: first use, and the guard of the hub's account. */
import { assertEquals } from "@std/assert";
import type { ApiAnswer } from "../lab/api_client.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { NAMESPACE, OTHER_ACCOUNT, tokenRequest } from "./policy_people.ts";
import { create, nodePath, patch, type PolicyRequest } from "./policy_request.ts";
import { HUB_POD, hubPod, NODES, PolicyStage, type Who } from "./policy_stage.ts";

const PREFIX = "wireguard.kube/";
const KEY = `${PREFIX}public-key`;
const ALLOWED = `${PREFIX}allowed-ips`;
const ROTATION = `${PREFIX}allow-rotation`;
const HARDENED = new URL("../../overlays/hardened", import.meta.url).pathname;

/** A request, and the policy that has to refuse it; none: it has to succeed. */
type Step = PolicyRequest & { readonly refusedBy?: string | RegExp };

async function take(t: Deno.TestContext, stage: PolicyStage, steps: readonly Step[]) {
  for (const { who, what, method, path, body, contentType, refusedBy } of steps) {
    await t.step(`${refusedBy ? "attack" : "allowed"}: ${who} ${what}`, async () => {
      const before = refusedBy && await stage.versions();
      const answer = await stage.as(who).request(method, path, body, contentType);
      const refuser = refuserOf(answer);
      const expected = refusedBy instanceof RegExp ? refusedBy.exec(refuser ?? "")?.[0] : refusedBy;
      assertEquals(refuser, expected, JSON.stringify(answer.body));
      if (before) assertEquals(await stage.versions(), before);
    });
  }
}

/** The policy that refused; undefined for success; the status for anything else. */
function refuserOf({ status, body }: ApiAnswer): string | undefined {
  if (status < 300) return undefined;
  const { message = "" } = body as { message?: string };
  return /ValidatingAdmissionPolicy '([^']+)'/.exec(message)?.[1] ?? `${status}`;
}

const hardened = async (stages: AsyncDisposableStack): Promise<PolicyStage> => {
  const { cluster } = stages.use(await sharedLab());
  return stages.use(await PolicyStage.set(cluster, HARDENED, PREFIX));
};

Deno.test("first use keeps a spoke's key and prefixes until an administrator lets go", async (t) => {
  await using stages = new AsyncDisposableStack();
  const stage = await hardened(stages);
  const { edge, otherEdge, absent } = NODES;
  const metadata = { annotations: { [KEY]: "other" } };
  await stage.answers(422, "edgeKubelet", nodePath(edge), { metadata });

  const set = (who: Who, what: string, node: string, annotations: Record<string, string | null>) =>
    patch(who, what, node, { annotations });
  const refusedBy = "wireguard-first-use";
  const status = (what: string, annotations: Record<string, string | null>): Step => {
    const request = set("edgeKubelet", what, edge, annotations);
    return { ...request, path: `${request.path}/status`, refusedBy };
  };
  await take(t, stage, [
    { ...set("edgeKubelet", "changes its key", edge, { [KEY]: "other" }), refusedBy },
    { ...set("edgeKubelet", "removes its key, to set another", edge, { [KEY]: null }), refusedBy },
    {
      ...set("edgeKubelet", "takes its neighbour's prefix", edge, {
        [ALLOWED]: "100.96.0.7/32,100.96.0.8/32",
      }),
      refusedBy,
    },
    { ...set("edgeKubelet", "removes its prefixes", edge, { [ALLOWED]: null }), refusedBy },
    {
      ...patch("edgeKubelet", "drops all annotations by strategic merge", edge, {
        annotations: { $patch: "delete" },
      }, "strategic"),
      refusedBy,
    },
    status("changes its key by the status", { [KEY]: "other" }),
    {
      ...set("edgeKubelet", "gives itself leave and changes in one", edge, {
        [KEY]: "other",
        [ROTATION]: "true",
      }),
      refusedBy: /^wireguard-(keys|first-use)$/, // both do, and any one of them is named
    },
    set("edgeKubelet", "says the same again", edge, { [KEY]: "edge-1" }),
    set("edgeKubelet", "changes its endpoint", edge, { [`${PREFIX}endpoint`]: "203.0.113.7:1" }),
    set("admin", "lets the spoke change its key", edge, { [ROTATION]: "true" }),
    set("edgeKubelet", "changes its key, and gives the leave back", edge, {
      [KEY]: "rotated",
      [ROTATION]: null,
    }),
    { ...set("edgeKubelet", "changes its key once more", edge, { [KEY]: "other" }), refusedBy },
    set("admin", "removes another spoke's key", otherEdge, { [KEY]: null }),
    set("otherEdgeKubelet", "sets its key for the first time again", otherEdge, { [KEY]: "new" }),
    create("absentKubelet", "registers", { name: absent }),
    set("absentKubelet", "sets key and prefixes for the first time", absent, {
      [KEY]: "first",
      [ALLOWED]: "100.96.0.9/32",
    }),
    { ...set("absentKubelet", "changes them", absent, { [ALLOWED]: "0.0.0.0/0" }), refusedBy },
    set("hub", "publishes a new key: a hub is no spoke", NODES.hub, { [KEY]: "hub's new" }),
  ]);
});

Deno.test("the accounts' guard keeps everybody but the DaemonSets from our tokens", async (t) => {
  await using stages = new AsyncDisposableStack();
  const stage = await hardened(stages);
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const sets = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`;
  const token = `${core}/serviceaccounts/wireguard-hub/token`;
  const pod = `${core}/pods/${HUB_POD}`;
  const post = (who: Who, what: string, path: string, body: unknown): PolicyRequest => {
    return { who, what, method: "POST", path, body };
  };
  const change = (who: Who, what: string, path: string, body: unknown): PolicyRequest => {
    return { who, what, method: "PATCH", path, body };
  };
  const image = [{ op: "replace", path: "/spec/containers/0/image", value: "example.test/rogue" }];
  const secret = (name: string, account: string, type = "kubernetes.io/service-account-token") => ({
    metadata: { name, annotations: { "kubernetes.io/service-account.name": account } },
    type,
  });
  const debug = { name: "rogue", image: "example.test/rogue" };
  const daemonSet = (name: string, spec: Record<string, unknown>) => ({
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "hub", image: "example.test/hub" }], ...spec },
      },
    },
  });
  // Under its older name, by which the field may still be set.
  const olderName = { serviceAccountName: undefined, serviceAccount: "wireguard-hub" };
  const refusedBy = "wireguard-account";
  const spec = { template: { metadata: { labels: { "lab.test/probe": "1" } } } };
  await stage.answers(422, "deployer", `${sets}/wireguard-hub`, { spec });

  const attacks: PolicyRequest[] = [
    post("deployer", "has a token made", token, tokenRequest()),
    post(
      "deployer",
      "has a Secret filled with a token",
      `${core}/secrets`,
      secret("s", "wireguard-hub"),
    ),
    post(
      "deployer",
      "has a token of the members' account made",
      `${core}/serviceaccounts/wireguard-member/token`,
      tokenRequest(),
    ),
    post(
      "deployer",
      "has a Secret filled with a token of the members'",
      `${core}/secrets`,
      secret("m", "wireguard-member"),
    ),
    post(
      "deployer",
      "runs a pod of the members' account",
      `${core}/pods`,
      hubPod("rogue", undefined, { serviceAccountName: "wireguard-member" }),
    ),
    post(
      "deployer",
      "makes a DaemonSet of the members' account",
      sets,
      daemonSet("rogue", { serviceAccountName: "wireguard-member" }),
    ),
    post("deployer", "runs a pod of the account", `${core}/pods`, hubPod("rogue")),
    post(
      "deployer",
      "runs one by the older name",
      `${core}/pods`,
      hubPod("rogue", undefined, olderName),
    ),
    post(
      "deployer",
      "runs one on a hub, past the scheduler",
      `${core}/pods`,
      hubPod("rogue", NODES.hub),
    ),
    {
      ...change("deployer", "changes the hub's image in its pod", pod, image),
      contentType: "application/json-patch+json",
    },
    change("deployer", "adds a container to the hub's pod", `${pod}/ephemeralcontainers`, {
      spec: { ephemeralContainers: [debug] },
    }),
    post(
      "deployer",
      "runs a command in the hub's pod",
      `${pod}/exec?command=sh&container=hub`,
      undefined,
    ),
    post("deployer", "attaches to the hub's pod", `${pod}/attach?container=hub`, undefined),
    post(
      "deployer",
      "makes a DaemonSet of the account",
      sets,
      daemonSet("rogue", {
        serviceAccountName: "wireguard-hub",
      }),
    ),
    post(
      "deployer",
      "makes one by the older name",
      sets,
      daemonSet("rogue", {
        serviceAccount: "wireguard-hub",
      }),
    ),
    change("deployer", "changes the hub's image in its DaemonSet", `${sets}/wireguard-hub`, {
      spec: { template: { spec: { containers: [{ name: "hub", image: "example.test/rogue" }] } } },
    }),
  ];
  const request = tokenRequest(await stage.podReference());
  await take(t, stage, [
    ...attacks.map((attack) => ({ ...attack, refusedBy })),
    {
      ...post("edgeKubelet", "has the token of a hub's pod made", token, request),
      refusedBy: "403",
    },
    post(
      "deployer",
      "runs a pod of another account",
      `${core}/pods?dryRun=All`,
      hubPod("p", undefined, {
        serviceAccountName: OTHER_ACCOUNT,
      }),
    ),
    post(
      "deployer",
      "makes another Secret",
      `${core}/secrets`,
      secret("s", "wireguard-hub", "Opaque"),
    ),
    post("deployer", "makes another DaemonSet", sets, daemonSet("other", {})),
    change("deployer", "labels the hub's DaemonSet", `${sets}/wireguard-hub`, {
      metadata: { labels: { "lab.test/label": "1" } },
    }),
    change("deployer", "labels the hub's pod", pod, {
      metadata: { labels: { "lab.test/l": "1" } },
    }),
    post("daemonSets", "makes the DaemonSet's pod", `${core}/pods?dryRun=All`, hubPod("made")),
    post("manager", "has a token made, to look into something", token, tokenRequest()),
    change("manager", "updates the hub", `${sets}/wireguard-hub`, {
      spec: { template: { metadata: { labels: { "lab.test/update": "1" } } } },
    }),
    post("hubKubelet", "has its pod's token made", token, request),
  ]);
});
