import type { Legitimate } from "./policy_legitimate.ts";
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
import { NODES, type Who } from "./policy_stage.ts";

const TOKENS = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/wireguard-member/token`;

/** What might be tried by the members' tokens, and by others to be a member, under a prefix. */
export function memberAttacks(p: string): Attack[] {
  return [...byMembers(p), ...onSpokesAndHubs(p), ...byOthers(p)];
}

/** By a member's token on its own Node, and on those of others. */
function byMembers(p: string): Attack[] {
  const { member, hub, edge, plain, absent } = NODES;
  const key = { annotations: { [`${p}public-key`]: "stolen" } };
  const prefixes = (text: string) => ({ annotations: { [`${p}allowed-ips`]: text } });
  const own = (what: string, metadata: Metadata) => patch("member", what, member, metadata);
  const body = (what: string, body: unknown): PolicyRequest => ({ ...own(what, {}), body });
  return [
    ...refused(422, [
      patch("member", "sets the key of another cluster node", plain, key),
      patch("member", "makes another cluster node a member", plain, {
        labels: { [`${p}peer`]: "true", [`${p}member`]: "true" },
      }),
      patch("member", "sets a spoke's key", edge, key),
      patch("member", "removes a spoke's prefixes", edge, {
        annotations: { [`${p}allowed-ips`]: null },
      }),
      patch("member", "sets a hub's key", hub, key),
      apply("member", "applies a hub's prefixes", hub, prefixes("172.16.0.4/32")),
      patch("memberUnbound", "sets a member's key by an unbound token", member, key),
      own("claims a spoke's prefix", prefixes("172.16.0.4/32,100.96.0.7/32")),
      own("claims the hub's InternalIP", prefixes("172.16.0.1/32")),
      own("claims its ExternalIP", prefixes("203.0.113.4/32")),
      own("claims its neighbour's address with its own", prefixes("172.16.0.4/31")),
      own("claims everything", prefixes("0.0.0.0/0")),
      own("claims its address in another notation", prefixes("::ffff:172.16.0.4/128")),
      own("hides a claim behind spaces and commas", prefixes(" ,172.16.0.4/32,,\t10.0.0.1/32 ")),
      body("claims an address that the same request makes its own", {
        metadata: prefixes("172.16.0.9/32"),
        status: { addresses: [{ type: "InternalIP", address: "172.16.0.9" }] },
      }),
      jsonPatch("member", "claims a spoke's prefix by JSON patch", member, [{
        op: "replace",
        path: `/metadata/annotations/${pointer(`${p}allowed-ips`)}`,
        value: "100.96.0.7/32",
      }]),
      own("makes itself a hub", { labels: { [`${p}hub`]: "true" } }),
      own("joins a site", { labels: { [`${p}site`]: "lab" } }),
      own("sets an endpoint", { annotations: { [`${p}endpoint`]: "172.16.0.1:51820" } }),
      own("sets allow-rotation", { annotations: { [`${p}allow-rotation`]: "true" } }),
      own("makes itself a control plane", {
        labels: { "node-role.kubernetes.io/control-plane": "" },
      }),
      own("removes somebody's annotation", { annotations: { "lab.test/foreign": null } }),
      own("sets a finalizer, to keep the Node", { finalizers: ["lab.test/keep"] }),
      body("cordons its Node", { spec: { unschedulable: true } }),
    ]),
    ...refused(403, [
      patchStatus("member", "sets its own key by the status", member, key),
      create("member", "creates a Node", { name: absent }),
      { who: "member", what: "deletes its Node", method: "DELETE", path: nodePath(member) },
      { who: "member", what: "reads Secrets", method: "GET", path: "/api/v1/secrets" },
      {
        who: "member",
        what: "tells of somebody by an Event",
        method: "POST",
        path: "/apis/events.k8s.io/v1/namespaces/default/events",
        body: { apiVersion: "events.k8s.io/v1", kind: "Event", metadata: { generateName: "p-" } },
      },
      {
        who: "member",
        what: "has a token made",
        method: "POST",
        path: TOKENS,
        body: tokenRequest(),
      },
    ]),
  ];
}

/** By members' tokens on Nodes that are to be none: a pod was there for a moment, or a token was stolen. */
function onSpokesAndHubs(p: string): Attack[] {
  const { edge, hub, unwanted } = NODES;
  const asMember = { labels: { [`${p}peer`]: "true", [`${p}member`]: "true" } };
  const key = { annotations: { [`${p}public-key`]: "stolen" } };
  return refused(422, [
    patch("memberOnEdge", "makes a member of its spoke", edge, asMember),
    patch("memberOnEdge", "sets the key of its spoke", edge, key),
    patch("memberOnEdge", "unregisters its spoke", edge, {
      labels: { [`${p}peer`]: null },
      annotations: { [`${p}public-key`]: null, [`${p}allowed-ips`]: null },
    }),
    patch("memberOnHub", "makes a member of its hub", hub, asMember),
    patch("memberOnHub", "sets the key of its hub", hub, key),
    patch("memberOnHub", "removes the key of its hub", hub, {
      annotations: { [`${p}public-key`]: null },
    }),
    patch("memberOnUnwanted", "makes a member of a Node that is to be none", unwanted, asMember),
    patch("memberOnUnwanted", "sets the key of a Node that is to be none", unwanted, key),
    patch("memberOnUnwanted", "takes the administrator's word away", unwanted, {
      labels: { [`${p}member`]: null },
    }),
  ]);
}

/** By anybody else: to be a member is an honour, since its address is believed. */
function byOthers(p: string): Attack[] {
  const { edge, member, plain, unwanted, hub, absent } = NODES;
  const asMember = { labels: { [`${p}member`]: "true" } };
  const label = (name: string) => `/metadata/labels/${pointer(`${p}${name}`)}`;
  const noPeer = { labels: { [`${p}peer`]: null } };
  const wider = { annotations: { [`${p}allowed-ips`]: "172.16.0.4/32,172.16.0.99/32" } };
  return [
    ...refused(422, [
      patchStatus("edgeKubelet", "makes itself a member by the status", edge, asMember),
      apply("edgeKubelet", "applies the member's label", edge, asMember),
      jsonPatch("edgeKubelet", "renames its peer label to the member's", edge, [
        { op: "move", from: label("peer"), path: label("member") },
      ]),
      patch("edgeKubelet", "takes its peer label off, to be given a member's pod", edge, noPeer),
      patchStatus("edgeKubelet", "takes its peer label off by the status", edge, noPeer),
      jsonPatch("edgeKubelet", "takes its peer label off by JSON patch", edge, [
        { op: "remove", path: label("peer") },
      ]),
      patch("edgeKubelet", "replaces its labels by none of ours, by a directive", edge, {
        labels: { $patch: "replace", "kubernetes.io/hostname": edge, "kubernetes.io/os": "linux" },
      }, "strategic"),
      patch("edgeKubelet", "says that it is to be no member", edge, {
        labels: { [`${p}member`]: "false" },
      }),
      patch("plainKubelet", "makes a cluster node a member", plain, asMember),
      create("absentKubelet", "registers as a member (--node-labels)", {
        name: absent,
        labels: { [`${p}peer`]: "true", ...asMember.labels },
      }),
      patch("memberKubelet", "sets its member's key", member, {
        annotations: { [`${p}public-key`]: "kubelet's" },
      }),
      patch("memberKubelet", "gives its member more prefixes", member, wider),
      patchStatus("memberKubelet", "gives it more prefixes by the status", member, wider),
      patch("memberKubelet", "takes its member's label away", member, {
        labels: { [`${p}member`]: null },
      }),
      patch("hub", "gives a member more prefixes", member, wider),
      patch("hub", "makes itself a member", hub, asMember),
      patch("cni", "makes a Node a member", plain, asMember),
      patch("cni", "makes a Node that is to be none a member", unwanted, asMember),
      patch("cni", "gives a member more prefixes", member, wider),
      patch("cni", "takes a member's label away", member, { labels: { [`${p}member`]: null } }),
      create("provisioner", "creates a member", { name: absent, ...asMember }),
    ]),
    ...refused(403, [
      patch("memberKubelet", "sets a spoke's key", edge, {
        annotations: { [`${p}public-key`]: "stolen" },
      }),
      {
        who: "edgeKubelet",
        what: "has a token of the members' account made",
        method: "POST",
        path: TOKENS,
        body: tokenRequest(),
      },
    ]),
  ];
}

/** A patch, and that the Node says so afterwards. */
const says = (
  who: Who,
  what: string,
  node: string,
  labels: Record<string, string | null>,
  annotations: Record<string, string | null> = {},
): Legitimate => ({
  ...patch(who, what, node, { labels, annotations }),
  node,
  then: { ...labels, ...annotations },
});

/** What members, and those who decide about them, do, in this order: each may rest on those before it. */
export function legitimateRequestsOfMembers(p: string): Legitimate[] {
  const { plain, member, edge } = NODES;
  const marks = { [`${p}peer`]: "true", [`${p}member`]: "true" };
  const claim = (key: string, prefixes: string) => ({
    [`${p}public-key`]: key,
    [`${p}allowed-ips`]: prefixes,
  });
  const none = (keys: object) => Object.fromEntries(Object.keys(keys).map((key) => [key, null]));
  const get = (what: string, path: string): Legitimate => ({
    who: "member",
    what,
    method: "GET",
    path,
  });
  return [
    get("lists the hubs", `/api/v1/nodes?labelSelector=${encodeURIComponent(`${p}hub=true`)}`),
    get("watches Nodes", "/api/v1/nodes?watch=true&timeoutSeconds=1"),
    says("memberOnPlain", "registers", plain, marks),
    says("memberOnPlain", "publishes itself", plain, {}, claim("new", "172.16.0.5/32")),
    says(
      "member",
      "publishes both of its addresses, and another key",
      member,
      {},
      claim("newer", "fd00:16::4/128, 172.16.0.4/32"),
    ),
    says("member", "has no address for the moment", member, {}, { [`${p}allowed-ips`]: "" }),
    {
      ...patchStatus("memberKubelet", "sends a member's heartbeat", member, {}),
      body: { status: { conditions: [{ type: "Ready", status: "True" }] } },
    },
    says("member", "unregisters", member, none(marks), none(claim("", ""))),
    says("member", "registers again", member, marks, claim("newest", "172.16.0.4/32")),
    says("admin", "says that it is to be no member", member, { [`${p}member`]: "false" }),
    says("member", "clears up", member, { [`${p}peer`]: null }, none(claim("", ""))),
    says("admin", "makes a hub of a member", plain, { [`${p}hub`]: "true" }),
    says("memberOnPlain", "takes its labels back", plain, none(marks)),
    says("admin", "chooses a spoke as a member", edge, { [`${p}member`]: "true" }),
  ];
}
