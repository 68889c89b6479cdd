import type { NodeStatus, NodeView } from "../contract/node.ts";
import { type IpAddress, parseAddress } from "../ip/address.ts";
import { type Cidr, parseCidr } from "../ip/cidr.ts";
import { list, record, text } from "./json_shape.ts";

/**
 * What concerns us of a Node as the API server sends it, whole or as PartialObjectMetadata. Nothing
 * of its shape is taken for granted: what is missing or of another type reads as empty (a creation
 * time as 0). `status` is absent where the object bears none, as metadata alone do not.
 *
 * @param json any JSON value.
 * @param prefix what labels and annotations begin with that concern us: of thousands of Nodes, all
 * others are a good part of what a program occupies.
 * @returns undefined if it has no name: then it is no Node.
 */
export function nodeView(json: unknown, prefix = ""): NodeView | undefined {
  const { metadata: told, spec, status } = record(json);
  const podCidrs = podCidrsOf(record(spec));
  const metadata = record(told);
  const name = text(metadata.name);
  if (name === "") return undefined;
  return {
    name,
    uid: text(metadata.uid),
    createdAt: Date.parse(text(metadata.creationTimestamp)) || 0,
    labels: stringsOf(metadata.labels, prefix),
    annotations: stringsOf(metadata.annotations, prefix),
    ...(podCidrs.length > 0 && { podCidrs }),
    ...(status === undefined ? {} : { status: nodeStatus(status) }),
  };
}

/** Whether two views of one Node say the same: what the kubelet repeats every few minutes does not. */
export function sameNode(a: NodeView, b: NodeView): boolean {
  return a.name === b.name && a.uid === b.uid && a.createdAt === b.createdAt &&
    sameStrings(a.labels, b.labels) && sameStrings(a.annotations, b.annotations) &&
    a.podCidrs?.join() === b.podCidrs?.join() && sameStatus(a.status, b.status);
}

function nodeStatus(json: unknown): NodeStatus {
  const status = record(json);
  return {
    internalIPs: addressesOf(status.addresses, "InternalIP"),
    externalIPs: addressesOf(status.addresses, "ExternalIP"),
    ready: list(status.conditions).map(record).some((condition) =>
      condition.type === "Ready" && condition.status === "True"
    ),
  };
}

/** An older server names only the first, in a field of its own. */
function podCidrsOf({ podCIDRs, podCIDR }: Readonly<Record<string, unknown>>): readonly Cidr[] {
  const cidrs = [podCIDR, ...list(podCIDRs)].flatMap((cidr) => parseCidr(text(cidr)) ?? []);
  return [...new Set(cidrs)];
}

function addressesOf(json: unknown, type: string): readonly IpAddress[] {
  return list(json).map(record)
    .filter((entry) => entry.type === type)
    .flatMap((entry) => parseAddress(text(entry.address)) ?? []);
}

function sameStatus(a: NodeStatus | undefined, b: NodeStatus | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.ready === b.ready && a.internalIPs.join() === b.internalIPs.join() &&
    a.externalIPs.join() === b.externalIPs.join();
}

function sameStrings(a: Readonly<Record<string, string>>, b: typeof a): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}

function stringsOf(json: unknown, prefix: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record(json)).filter((entry): entry is [string, string] =>
      entry[0].startsWith(prefix) && typeof entry[1] === "string"
    ),
  );
}
