import {
  type Attack,
  create,
  jsonPatch,
  nodePath,
  patch,
  pointer,
  type PolicyRequest,
} from "./policy_request.ts";
import { NODES } from "./policy_stage.ts";

/**
 * What somebody who has taken over a spoke's machine might try to become a hub, beyond plain patches:
 * by the notations and subresources of the API, and by requests that read one way and count another.
 */
export function kubeletAttacks(p: string): Attack[] {
  const { edge, otherEdge, hub } = NODES;
  // What NodeRestriction does not let a kubelet remove.
  const kept = { "kubernetes.io/hostname": edge, "kubernetes.io/os": "linux" };
  const asHub = { ...kept, [`${p}hub`]: "true" };
  const label = (name: string) => `/metadata/labels/${pointer(`${p}${name}`)}`;
  const raw = (what: string, contentType: string, body: string): PolicyRequest => ({
    ...patch("edgeKubelet", what, edge, {}),
    contentType,
    body,
  });
  const taints = [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }];
  const put = (what: string, path: string, metadata: object): PolicyRequest => ({
    who: "edgeKubelet",
    what,
    method: "PUT",
    path,
    body: {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: edge, ...metadata },
      spec: { taints }, // NodeRestriction lets no kubelet remove them either
    },
  });
  const big = "x".repeat(200_000);
  const by = (status: number, requests: readonly PolicyRequest[]) =>
    requests.map((request) => ({ ...request, status }));
  return [
    ...by(
      422,
      [
        patch("edgeKubelet", "replaces its labels by a hub's, by a directive", edge, {
          labels: { $patch: "replace", ...asHub },
        }, "strategic"),
        jsonPatch("edgeKubelet", "copies its peer label to the hub's, after a test", edge, [
          { op: "test", path: label("peer"), value: "true" },
          { op: "copy", from: label("peer"), path: label("hub") },
        ]),
        jsonPatch("edgeKubelet", "replaces all labels by a hub's by JSON patch", edge, [
          { op: "replace", path: "/metadata/labels", value: asHub },
        ]),
        jsonPatch("edgeKubelet", "adds, removes and adds the hub's label", edge, [
          { op: "add", path: label("hub"), value: "true" },
          { op: "remove", path: label("hub") },
          { op: "add", path: label("hub"), value: "true" },
        ]),
        patch("edgeKubelet", "hides the hub's label beside a huge annotation", edge, {
          labels: { [`${p}hub`]: "true" },
          annotations: { "lab.test/big": big },
        }),
        put("replaces its Node by a hub's, by the status", `${nodePath(edge)}/status`, {
          labels: asHub,
        }),
        raw(
          "names the hub's label in escapes",
          "application/merge-patch+json",
          JSON.stringify({ metadata: { labels: { [`${p}hub`]: "true" } } })
            .replace("hub", "\\u0068\\u0075b"),
        ),
        raw(
          "applies the hub's label in YAML",
          "application/apply-patch+yaml",
          `apiVersion: v1\nkind: Node\nmetadata:\n  name: ${edge}\n  labels: {"${p}hub": "true"}\n`,
        ),
      ].map((request) =>
        request.contentType === "application/apply-patch+yaml"
          ? { ...request, path: `${request.path}?fieldManager=rogue&force=true` }
          : request
      ),
    ),
    ...by(409, [
      put("replaces its Node by a hub's, from an old version", nodePath(edge), {
        labels: asHub,
        resourceVersion: "1",
      }),
    ]),
    ...by(403, [
      create("edgeKubelet", "creates a hub without a name", {
        generateName: "policy-",
        labels: asHub,
      }),
      {
        who: "edgeKubelet",
        what: "deletes all hubs",
        method: "DELETE",
        path: `/api/v1/nodes?labelSelector=${encodeURIComponent(`${p}hub=true`)}`,
      },
      {
        ...patch("edgeKubelet", "scales another spoke", otherEdge, {}),
        path: `${nodePath(otherEdge)}/scale`,
      },
      {
        ...patch("edgeKubelet", "reaches a hub's kubelet through the API server", hub, {}),
        method: "POST",
        path: `${nodePath(hub)}/proxy/run`,
      },
    ]),
  ];
}
