import {
  apply,
  type Attack,
  nodePath,
  patch,
  type PolicyRequest,
  refused,
} from "./policy_request.ts";
import { NODES, type Who } from "./policy_stage.ts";

/**
 * Requests that look like something else: that say a thing twice, that name another user, that use the
 * directives of the API's notations, or that answer to an object as it was.
 */
export function disguisedAttacks(p: string): Attack[] {
  return [
    ...refused(422, [...saidTwice(p), ...byDirectives(p)]),
    ...refused(403, impersonations(p)),
    ...refused(409, fromOldVersions(p)),
  ];
}

/** JSON in which a key comes twice: which of the two counts is for the reader to say (RFC 8259). */
function saidTwice(p: string): PolicyRequest[] {
  const { edge, hub } = NODES;
  const hubs = `"${p}hub"`;
  const twice = (who: Who, what: string, node: string, body: string): PolicyRequest => ({
    ...patch(who, what, node, {}),
    body,
  });
  return [
    twice(
      "edgeKubelet",
      "says the hub's label twice",
      edge,
      `{"metadata":{"labels":{${hubs}:null,${hubs}:"true"}}}`,
    ),
    twice(
      "edgeKubelet",
      "says its metadata twice",
      edge,
      `{"metadata":{"annotations":{}},"metadata":{"labels":{${hubs}:"true"}}}`,
    ),
    twice(
      "hub",
      "says a foreign annotation beside its own, twice",
      hub,
      `{"metadata":{"annotations":{"${p}public-key":"new","lab.test/foreign":"stays",` +
        `"lab.test/foreign":"changed"}}}`,
    ),
  ];
}

/** What strategic merge and server-side apply do beside setting values. */
function byDirectives(p: string): PolicyRequest[] {
  const { edge, hub } = NODES;
  const asHub = { [`${p}hub`]: "true" };
  const applied = apply("edgeKubelet", "applies the hub's label by the status", edge, {
    labels: asHub,
  });
  const finalizers = ["lab.test/keep"];
  return [
    { ...applied, path: applied.path.replace("?", "/status?") },
    patch("edgeKubelet", "retains no key but the hub's label", edge, {
      labels: {
        $retainKeys: [`${p}hub`, "kubernetes.io/hostname", "kubernetes.io/os"],
        "kubernetes.io/hostname": edge,
        "kubernetes.io/os": "linux",
        ...asHub,
      },
    }, "strategic"),
    patch("hub", "deletes all of its labels by a directive", hub, {
      labels: { $patch: "delete" },
    }, "strategic"),
    patch("hub", "orders finalizers that it sets by a directive", hub, {
      "$setElementOrder/finalizers": finalizers,
      finalizers,
    }, "strategic"),
  ];
}

/** In another's name: who may do that needs the verb "impersonate". */
function impersonations(p: string): PolicyRequest[] {
  const { edge, otherHub } = NODES;
  const user = (name: string) => ["impersonate-user", name] as const;
  const group = (name: string) => ["impersonate-group", name] as const;
  const account = "system:serviceaccount:wireguard-kube:wireguard-hub";
  const node = "authentication.kubernetes.io%2Fnode-name";
  const asHub = { labels: { [`${p}hub`]: "true" } };
  const key = { annotations: { [`${p}public-key`]: "stolen" } };
  return [
    {
      ...patch("edgeKubelet", "makes itself a hub in the administrators' name", edge, asHub),
      headers: [user("admin"), group("system:masters")],
    },
    {
      ...patch("edgeKubelet", "sets a hub's key in its kubelet's name", otherHub, key),
      headers: [user(`system:node:${otherHub}`), group("system:nodes")],
    },
    {
      ...patch("edgeKubelet", "sets a hub's key in the name of the hub's account", otherHub, key),
      headers: [user(account), [`impersonate-extra-${node}`, otherHub]],
    },
    {
      ...patch("hub", "sets another hub's key in the administrators' name", otherHub, key),
      headers: [user("admin"), group("system:masters")],
    },
    {
      ...patch("hub", "sets another hub's key in its own name on that node", otherHub, key),
      headers: [user(account), [`impersonate-extra-${node}`, otherHub]],
    },
  ];
}

/** As `kubectl edit` and `kubectl replace` do, with an object that has changed meanwhile. */
function fromOldVersions(p: string): PolicyRequest[] {
  const { edge, hub } = NODES;
  const old = { resourceVersion: "1" };
  const asHub = { ...old, labels: { [`${p}hub`]: "true" } };
  const put = (who: Who, what: string, path: string, name: string): PolicyRequest => ({
    who,
    what,
    method: "PUT",
    path,
    body: { apiVersion: "v1", kind: "Node", metadata: { name, ...asHub } },
  });
  return [
    put("cni", "replaces a spoke's Node by a hub's, from an old version", nodePath(edge), edge),
    put(
      "cni",
      "replaces a spoke's status by a hub's, from an old version",
      `${nodePath(edge)}/status`,
      edge,
    ),
    patch("edgeKubelet", "patches itself to a hub, from an old version", edge, asHub),
    patch("hub", "patches a label in, from an old version", hub, {
      ...old,
      labels: { "lab.test/label": "1" },
    }),
  ];
}
