import { disguisedAttacks } from "./policy_disguised_attacks.ts";
import { kubeletAttacks } from "./policy_kubelet_attacks.ts";
import { NAMESPACE, tokenRequest } from "./policy_people.ts";
import {
  apply,
  type Attack,
  create,
  jsonPatch,
  type Metadata,
  nodePath,
  patch,
  patchStatus,
  pointer,
  type PolicyRequest,
  refused,
} from "./policy_request.ts";
import { HUB_POD, hubPod, NODES } from "./policy_stage.ts";

const TOKENS = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/wireguard-hub/token`;

/** What a stolen or compromised credential might try, under a prefix. */
export function policyAttacks(p: string): Attack[] {
  return [
    ...byTheHub(p),
    ...bySpokes(p),
    ...kubeletAttacks(p),
    ...disguisedAttacks(p),
    ...byKubeletsOfHubs(p),
    ...byStrangers(p),
    ...onThePolicies(),
  ];
}

/** By the hub's account: its own token, and tokens bound elsewhere. */
function byTheHub(p: string): Attack[] {
  const { hub, otherHub, edge, plain, absent } = NODES;
  const key = { annotations: { [`${p}public-key`]: "stolen" } };
  const own = (what: string, metadata: Metadata) => patch("hub", what, hub, metadata);
  const spec = (what: string, value: Metadata): PolicyRequest => ({
    ...patch("hub", what, hub, {}),
    body: { spec: value },
  });
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`lab.test/k${i}`, "1"]));
  const owner = { apiVersion: "v1", kind: "Pod", name: HUB_POD, uid: "0" };
  return [
    ...refused(422, [
      patch("hub", "sets a spoke's key", edge, key),
      patch("hub", "removes a spoke's prefixes", edge, {
        annotations: { [`${p}allowed-ips`]: null },
      }),
      patch("hub", "sets the key of another hub", otherHub, key),
      patch("hubPod", "sets the key of another hub, by a pod's token", otherHub, key),
      patch("hubPod", "sets a spoke's key, by a pod's token", edge, key),
      apply("hub", "applies a spoke's key", edge, key),
      jsonPatch("hub", "removes a spoke's label by JSON patch", edge, [
        { op: "remove", path: `/metadata/labels/${pointer(`${p}peer`)}` },
      ]),
      patch("hubUnbound", "sets a hub's key by an unbound token", hub, key),
      patch("hubOnPlain", "sets a key on a Node that is no hub", plain, key),
      patch("hubOnPlain", "labels its Node as a hub", plain, { labels: { [`${p}hub`]: "true" } }),
      patch("hubOnEdge", "sets a spoke's key by a token bound to it", edge, key),
      own("takes its own label away", { labels: { [`${p}hub`]: null } }),
      own("changes its own label", { labels: { [`${p}hub`]: "false" } }),
      own("makes itself a peer", { labels: { [`${p}peer`]: "true" } }),
      own("makes itself a member", { labels: { [`${p}member`]: "true" } }),
      own("sets vpc-ip", { annotations: { [`${p}vpc-ip`]: "10.0.0.1" } }),
      own("sets allow-rotation", { annotations: { [`${p}allow-rotation`]: "true" } }),
      own("sets a key in other letters", { annotations: { [`${p}Public-Key`]: "x" } }),
      own("makes itself a control plane", {
        labels: { "node-role.kubernetes.io/control-plane": "" },
      }),
      own("removes somebody's annotation", { annotations: { "lab.test/foreign": null } }),
      own("hides a foreign key among its own", {
        annotations: { [`${p}public-key`]: "new", "lab.test/foreign": "changed" },
      }),
      own("sets 2000 keys", { annotations: many }),
      own("sets an owner, to have the Node collected", { ownerReferences: [owner] }),
      own("sets a finalizer, to keep the Node", { finalizers: ["lab.test/keep"] }),
      patch("hub", "sets a finalizer by strategic merge", hub, {
        finalizers: ["lab.test/keep"],
      }, "strategic"),
      patch("hub", "replaces all annotations by strategic merge", hub, {
        annotations: { $patch: "replace", [`${p}public-key`]: "new" },
      }, "strategic"),
      jsonPatch("hub", "replaces all labels by JSON patch", hub, [
        { op: "replace", path: "/metadata/labels", value: { [`${p}hub`]: "true" } },
      ]),
      jsonPatch("hub", "removes all annotations by JSON patch", hub, [
        { op: "remove", path: "/metadata/annotations" },
      ]),
      jsonPatch("hub", "moves its key under another name", hub, [
        {
          op: "move",
          from: `/metadata/annotations/${pointer(`${p}public-key`)}`,
          path: "/metadata/annotations/lab.test~1copy",
        },
      ]),
      apply("hub", "applies a label", hub, { labels: { "lab.test/label": "1" } }),
      spec("cordons its Node", { unschedulable: true }),
      spec("taints its Node", { taints: [{ key: "lab.test/t", effect: "NoExecute" }] }),
      spec("sets providerID", { providerID: "lab://other" }),
    ]),
    ...refused(403, [
      patchStatus("hub", "sets its own key by the status", hub, key),
      apply("hub", "applies a Node that is absent", absent, key),
      create("hub", "creates a Node", { name: absent }),
      { who: "hub", what: "deletes its Node", method: "DELETE", path: nodePath(hub) },
      { who: "hub", what: "deletes every Node", method: "DELETE", path: "/api/v1/nodes" },
      { who: "hub", what: "reads Secrets", method: "GET", path: "/api/v1/secrets" },
      { who: "hub", what: "has a token made", method: "POST", path: TOKENS, body: tokenRequest() },
      {
        who: "hub",
        what: "runs a pod",
        method: "POST",
        path: `/api/v1/namespaces/${NAMESPACE}/pods`,
        body: hubPod("rogue"),
      },
    ]),
    ...refused(400, [own("gives its Node another name", { name: otherHub })]),
  ];
}

/** By the kubelets of spokes. */
function bySpokes(p: string): Attack[] {
  const { edge, otherEdge, hub, otherHub, absent } = NODES;
  const asHub = { labels: { [`${p}hub`]: "true" } };
  const key = { annotations: { [`${p}public-key`]: "stolen" } };
  const path = `/metadata/labels/${pointer(`${p}hub`)}`;
  return [
    ...refused(422, [
      patch("edgeKubelet", "makes itself a hub", edge, asHub),
      patch("edgeKubelet", "makes itself a hub by strategic merge", edge, asHub, "strategic"),
      patchStatus("edgeKubelet", "makes itself a hub by the status", edge, asHub),
      apply("edgeKubelet", "applies the hub's label", edge, asHub),
      jsonPatch("edgeKubelet", "makes itself a hub by JSON patch", edge, [
        { op: "add", path, value: "true" },
      ]),
      jsonPatch("edgeKubelet", "renames its peer label to the hub's", edge, [
        { op: "move", from: `/metadata/labels/${pointer(`${p}peer`)}`, path },
      ]),
      {
        who: "edgeKubelet",
        what: "replaces its Node by one that is a hub",
        method: "PUT",
        path: nodePath(edge),
        body: {
          apiVersion: "v1",
          kind: "Node",
          // With what NodeRestriction does not let a kubelet remove.
          metadata: {
            name: edge,
            labels: {
              "kubernetes.io/hostname": edge,
              "kubernetes.io/os": "linux",
              ...asHub.labels,
            },
          },
          spec: { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] },
        },
      },
      patch("edgeKubelet", "sets the hub's label to another value", edge, {
        labels: { [`${p}hub`]: "TRUE" },
      }),
      patch("edgeKubelet", "makes itself a member", edge, { labels: { [`${p}member`]: "true" } }),
      patch("edgeKubelet", "sets allow-rotation", edge, {
        annotations: { [`${p}allow-rotation`]: "true" },
      }),
      patch("edgeKubelet", "hides the hub's label among its own keys", edge, {
        labels: { ...asHub.labels, [`${p}peer`]: "true", [`${p}site`]: "lab" },
        annotations: { [`${p}public-key`]: "new" },
      }),
      create("absentKubelet", "registers as a hub", { name: absent, ...asHub }),
      create("absentKubelet", "registers as a hub and a peer", {
        name: absent,
        labels: { ...asHub.labels, [`${p}peer`]: "true" },
        ...key,
      }),
    ]),
    ...refused(403, [
      patch("edgeKubelet", "sets another spoke's key", otherEdge, key),
      patch("edgeKubelet", "sets a hub's endpoint", hub, {
        annotations: { [`${p}endpoint`]: "203.0.113.66:51820" },
      }),
      patch("edgeKubelet", "takes a hub's label away", otherHub, { labels: { [`${p}hub`]: null } }),
      patchStatus("edgeKubelet", "sets another spoke's key by the status", otherEdge, key),
      create("edgeKubelet", "creates another Node with keys", { name: absent, ...key }),
      { who: "edgeKubelet", what: "deletes a hub", method: "DELETE", path: nodePath(hub) },
      {
        who: "edgeKubelet",
        what: "deletes its own Node, to begin anew",
        method: "DELETE",
        path: nodePath(edge),
      },
      {
        who: "edgeKubelet",
        what: "has a token of the hub's account made",
        method: "POST",
        path: TOKENS,
        body: tokenRequest(),
      },
    ]),
  ];
}

/** By the kubelets of hubs, which write nothing of ours by themselves. */
function byKubeletsOfHubs(p: string): Attack[] {
  const { hub, otherHub } = NODES;
  const change = { annotations: { [`${p}public-key`]: "kubelet's" } };
  return refused(422, [
    patch("hubKubelet", "sets its hub's key", hub, change),
    patchStatus("hubKubelet", "sets its hub's key by the status", hub, change),
    patch("hubKubelet", "removes its hub's endpoint", hub, {
      annotations: { [`${p}endpoint`]: null },
    }),
    patch("hubKubelet", "makes its hub a peer", hub, { labels: { [`${p}peer`]: "true" } }),
    patch("hubKubelet", "takes its hub's label away", hub, { labels: { [`${p}hub`]: null } }),
    jsonPatch("otherHubKubelet", "removes all of its hub's labels", otherHub, [
      { op: "replace", path: "/metadata/labels", value: {} },
    ]),
    patch("otherHubKubelet", "trades the hub's label for a peer's, with a key", otherHub, {
      labels: { [`${p}hub`]: null, [`${p}peer`]: "true" },
      ...change,
    }),
  ]);
}

/** By accounts that may write Nodes for reasons of their own. */
function byStrangers(p: string): Attack[] {
  const { hub, edge, otherEdge, plain, absent } = NODES;
  const asHub = { labels: { [`${p}hub`]: "true" } };
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`lab.test/k${i}`, "1"]));
  return refused(422, [
    patch("cni", "makes a Node a hub", plain, asHub),
    patchStatus("cni", "makes a Node a hub by the status", plain, asHub),
    apply("cni", "applies the hub's label", plain, asHub),
    patch("cni", "hides the hub's label among 2000", plain, {
      labels: { ...many, ...asHub.labels },
    }),
    patch("cni", "takes a hub's label away", hub, { labels: { [`${p}hub`]: null } }),
    patch("cni", "sets a hub's endpoint", hub, {
      annotations: { [`${p}endpoint`]: "203.0.113.66:51820" },
    }),
    jsonPatch("cni", "removes all annotations of a hub", hub, [
      { op: "remove", path: "/metadata/annotations" },
    ]),
    patch("cni", "sets a spoke's key", edge, { annotations: { [`${p}public-key`]: "stolen" } }),
    patch("cni", "gives a spoke more prefixes", otherEdge, {
      annotations: { [`${p}allowed-ips`]: "100.96.0.7/32,100.96.0.8/32" },
    }),
    patch("cni", "takes a spoke's label away", edge, { labels: { [`${p}peer`]: null } }),
    patch("cni", "moves a spoke to a site", edge, {
      labels: { [`${p}site`]: "rogue" },
      annotations: { [`${p}vpc-ip`]: "10.0.0.66" },
    }),
    patch("cni", "makes a Node a peer", plain, { labels: { [`${p}peer`]: "true" } }),
    patch("cni", "empties a spoke by strategic merge", edge, {
      annotations: { $patch: "delete" },
    }, "strategic"),
    {
      ...create("cni", "replaces a spoke's Node by a bare one", { name: edge }),
      method: "PUT",
      path: nodePath(edge),
    },
    create("provisioner", "creates a hub", { name: absent, ...asHub }),
    create("provisioner", "creates a hub without a name", { generateName: "policy-", ...asHub }),
    create("provisioner", "creates a spoke with a key", {
      name: absent,
      labels: { [`${p}peer`]: "true" },
      annotations: { [`${p}public-key`]: "stolen" },
    }),
  ]);
}

/** On what does the judging. */
function onThePolicies(): Attack[] {
  const bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";
  const roles = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  const path = `${bindings}/wireguard-keys`;
  const subject = { kind: "ServiceAccount", name: "wireguard-hub", namespace: NAMESPACE };
  const grant = {
    metadata: { name: "policy-rogue" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [subject],
  };
  return refused(403, [
    { who: "hub", what: "takes a policy out of force", method: "DELETE", path },
    { who: "edgeKubelet", what: "takes a policy out of force", method: "DELETE", path },
    { who: "cni", what: "takes a policy out of force", method: "DELETE", path },
    { who: "hub", what: "makes itself an administrator", method: "POST", path: roles, body: grant },
  ]);
}
