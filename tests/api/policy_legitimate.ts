import {
  apply,
  create,
  jsonPatch,
  nodePath,
  patch,
  patchStatus,
  type PolicyRequest,
} from "./policy_request.ts";
import { NODES } from "./policy_stage.ts";

/** A request that has to succeed, and what a Node says then; null: it does not have that key. */
export interface Legitimate extends PolicyRequest {
  readonly node?: string;
  readonly then?: Readonly<Record<string, string | null>>;
}

/** What everybody's work asks for, in this order: each may rest on those before it. */
export function legitimateRequests(p: string): Legitimate[] {
  return [...ofTheHub(p), ...ofSpokes(p), ...ofOthers(p), ...ofAdministrators(p)];
}

/** A patch, and that the Node says so afterwards. */
function says(request: PolicyRequest, node: string, then: Record<string, string | null>) {
  return { ...request, node, then };
}

function ofTheHub(p: string): Legitimate[] {
  const { hub } = NODES;
  const published = {
    [`${p}public-key`]: "key",
    [`${p}endpoint`]: "203.0.113.1:51820",
    [`${p}allowed-ips`]: "100.96.0.0/12,172.16.0.0/16",
  };
  const removed = Object.fromEntries(Object.keys(published).map((key) => [key, null]));
  const set = (annotations: Record<string, string | null>) => ({ annotations });
  const get = (what: string, path: string): Legitimate => ({
    who: "hub",
    what,
    method: "GET",
    path,
  });
  return [
    get("reads its Node", nodePath(hub)),
    get("lists the peers", `/api/v1/nodes?labelSelector=${encodeURIComponent(`${p}peer=true`)}`),
    get("watches Nodes", "/api/v1/nodes?watch=true&timeoutSeconds=1"),
    says(patch("hub", "publishes itself", hub, set(published)), hub, published),
    says(patch("hub", "takes back what it published", hub, set(removed)), hub, removed),
    says(
      patch("hubPod", "publishes itself by its pod's token", hub, set(published)),
      hub,
      published,
    ),
    says(apply("hub", "applies its annotations", hub, set(published)), hub, published),
    {
      who: "hub",
      what: "tells a spoke's owner by an Event",
      method: "POST",
      path: "/apis/events.k8s.io/v1/namespaces/default/events",
      body: {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: { generateName: "policy-" },
        eventTime: "2025-01-01T00:00:00.000000Z",
        regarding: { apiVersion: "v1", kind: "Node", name: NODES.edge },
        reason: "PolicyTest",
        action: "Test",
        note: "for a test",
        type: "Normal",
        reportingController: "policy.test/hub",
        reportingInstance: hub,
      },
    },
  ];
}

function ofSpokes(p: string): Legitimate[] {
  const { edge, absent, selfMade, hub } = NODES;
  const registered = {
    [`${p}public-key`]: "new",
    [`${p}allowed-ips`]: "100.96.0.9/32",
    [`${p}endpoint`]: "203.0.113.9:51820",
    [`${p}vpc-ip`]: "10.0.0.9",
  };
  const labels = { [`${p}peer`]: "true", [`${p}site`]: "lab" };
  const kubeletOfAbsent = { "kubernetes.io/hostname": absent };
  return [
    says(
      patch("edgeKubelet", "registers, with a new key", edge, { labels, annotations: registered }),
      edge,
      { ...labels, ...registered },
    ),
    says(
      patch("edgeKubelet", "unregisters", edge, {
        labels: { [`${p}peer`]: "false" },
        annotations: { [`${p}public-key`]: null, [`${p}allowed-ips`]: null },
      }),
      edge,
      { [`${p}peer`]: "false", [`${p}public-key`]: null, [`${p}allowed-ips`]: null },
    ),
    says(
      patchStatus("edgeKubelet", "registers by the status", edge, {
        labels,
        annotations: registered,
      }),
      edge,
      { ...labels, ...registered },
    ),
    {
      ...patchStatus("edgeKubelet", "sends a heartbeat", edge, {}),
      body: { status: { conditions: [{ type: "Ready", status: "True" }] } },
    },
    {
      ...patchStatus("hubKubelet", "sends a hub's heartbeat", hub, {}),
      body: { status: { conditions: [{ type: "Ready", status: "True" }] } },
    },
    says(
      create("absentKubelet", "registers its Node with a peer's label (--node-labels)", {
        name: absent,
        labels: { ...kubeletOfAbsent, ...labels },
      }),
      absent,
      labels,
    ),
    says(
      patch("absentKubelet", "sets a label in other letters, which means nothing", absent, {
        labels: { [`${p}Hub`]: "true" },
      }),
      absent,
      { [`${p}Hub`]: "true", [`${p}hub`]: null },
    ),
    says(
      create("selfMadeKubelet", "registers as a hub, with the verb for its own name", {
        name: selfMade,
        labels: { [`${p}hub`]: "true" },
      }),
      selfMade,
      { [`${p}hub`]: "true" },
    ),
  ];
}

function ofOthers(p: string): Legitimate[] {
  const { hub, edge, plain } = NODES;
  const own = { "network.lab.test/pod-cidr": "10.9.0.0_24" };
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`lab.test/k${i}`, "1"]));
  const published = { [`${p}endpoint`]: "203.0.113.3:51820" };
  return [
    says(
      patch("cni", "annotates a hub with a key of its own", hub, { annotations: own }),
      hub,
      own,
    ),
    says(patch("cni", "labels a spoke with a key of its own", edge, { labels: own }), edge, own),
    {
      ...patchStatus("cni", "sets a condition", edge, {}),
      body: { status: { conditions: [{ type: "NetworkUnavailable", status: "False" }] } },
    },
    {
      ...patch("cni", "lifts a taint", edge, {}),
      body: { spec: { taints: [] } },
    },
    says(
      jsonPatch("cni", "takes its key back by JSON patch", hub, [
        { op: "remove", path: "/metadata/annotations/network.lab.test~1pod-cidr" },
      ]),
      hub,
      { "network.lab.test/pod-cidr": null, [`${p}hub`]: "true" },
    ),
    patch("cni", "sets 2000 annotations of its own on a hub", hub, { annotations: many }),
    says(
      patch("hub", "publishes itself beside them", hub, { annotations: published }),
      hub,
      { ...published, "lab.test/k1999": "1" },
    ),
    says(
      patch("provisioner", "changes a Node that has nothing of ours", plain, { labels: own }),
      plain,
      own,
    ),
  ];
}

function ofAdministrators(p: string): Legitimate[] {
  const { plain, edge, otherEdge, otherHub } = NODES;
  const set = (
    who: "admin" | "manager",
    what: string,
    node: string,
    kind: "labels" | "annotations",
    then: Record<string, string | null>,
  ) => says(patch(who, what, node, { [kind]: then }), node, then);
  return [
    set("admin", "makes a Node a hub", plain, "labels", { [`${p}hub`]: "true" }),
    set("admin", "takes a hub's label away", otherHub, "labels", { [`${p}hub`]: null }),
    set("admin", "removes a spoke's key", otherEdge, "annotations", { [`${p}public-key`]: null }),
    set("admin", "lets a spoke change its key", edge, "annotations", {
      [`${p}allow-rotation`]: "true",
    }),
    says(
      patch("edgeKubelet", "gives that leave back", edge, {
        annotations: { [`${p}allow-rotation`]: null },
      }),
      edge,
      { [`${p}allow-rotation`]: null },
    ),
    set("manager", "makes a Node a hub again", otherHub, "labels", { [`${p}hub`]: "true" }),
    set("manager", "corrects a hub's endpoint", otherHub, "annotations", {
      [`${p}endpoint`]: "203.0.113.2:51820",
    }),
    set("admin", "makes a cluster's own node of what was a spoke", otherEdge, "labels", {
      [`${p}peer`]: null,
    }),
    set("admin", "makes a Node a member", edge, "labels", { [`${p}member`]: "true" }),
  ];
}
