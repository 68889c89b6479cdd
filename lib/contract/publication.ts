import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { type Endpoint, printEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { type AnnotationKeys, MARKED, UNMARKED } from "./annotation_keys.ts";
import type { NodeView } from "./node.ts";

/** What a program says of itself on its own Node. */
export interface Publication {
  readonly role: "hub" | "peer";
  readonly publicKey: PublicKey;
  /** Absent: nothing is said of it, and what stands there stays. */
  readonly endpoint?: Endpoint;
  readonly allowedIPs: readonly Cidr[];
  /** A peer on the hub's own network. */
  readonly isMember?: boolean;
  /** Of a peer: the site that it is in. Absent: none, and what stands there of one is taken away. */
  readonly site?: SitePublication;
}

/** What a peer says of its site. */
export interface SitePublication {
  readonly name: string;
  /** Where the other peers of the site reach it. Absent: not known yet, and what stands there stays. */
  readonly vpcIP?: IpAddress;
}

/** Labels and annotations to merge into a Node's metadata (RFC 7386); null takes one away. */
export interface MetadataPatch {
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/**
 * What is to be patched so that the Node says what it should, as two patches: the labels, then the
 * annotations. The labels come first and alone, as the original has it: who may set them is another
 * question (an admission policy can refuse it), and a reader that sees annotations sees the label.
 * An empty list: nothing.
 */
export function planPublication(
  node: NodeView,
  wanted: Publication,
  keys: AnnotationKeys,
): MetadataPatch[] {
  const { role, publicKey, endpoint, allowedIPs, isMember, site } = wanted;
  const labels = differing(node.labels, {
    [keys[role]]: MARKED,
    ...(isMember && { [keys.member]: MARKED }),
    ...(role === "peer" && { [keys.site]: site?.name ?? null }),
  });
  const annotations = differing(node.annotations, {
    [keys.publicKey]: publicKey,
    ...(endpoint && { [keys.endpoint]: printEndpoint(endpoint) }),
    [keys.allowedIPs]: allowedIPs.join(","),
    ...(role === "peer" && !site && { [keys.vpcIP]: null }),
    ...(role === "peer" && site?.vpcIP && { [keys.vpcIP]: site.vpcIP }),
  });
  return [...(labels ? [{ labels }] : []), ...(annotations ? [{ annotations }] : [])];
}

/**
 * What is to be patched so that the Node says nothing of a peer any more; undefined: nothing. That it
 * is to be no member is an administrator's word, and stays. On a Node that has become a hub the
 * annotations are the hub's.
 *
 * @param isMember whether who withdraws is a member. A spoke leaves its label behind, as one of no
 * peer: without it, its Node would look like one of the cluster's own, and be made a member.
 */
export function planWithdrawal(
  node: NodeView,
  keys: AnnotationKeys,
  isMember: boolean,
): MetadataPatch | undefined {
  const { labels: marks, annotations: said } = node;
  const isHub = marks[keys.hub] === MARKED;
  const labels = differing(marks, {
    [keys.peer]: isMember || marks[keys.peer] === undefined ? null : UNMARKED,
    [keys.site]: null,
    ...(marks[keys.member] === MARKED && { [keys.member]: null }),
  });
  const words = isHub ? [] : [keys.publicKey, keys.endpoint, keys.allowedIPs];
  const annotations = differing(
    said,
    Object.fromEntries([...words, keys.vpcIP].map((key) => [key, null])),
  );
  if (!labels && !annotations) return undefined;
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}

/** Whether this Node may be a member: an administrator may have said no, or have made it a hub. */
export function mayBeMember({ labels }: Pick<NodeView, "labels">, keys: AnnotationKeys): boolean {
  return (labels[keys.member] ?? MARKED) === MARKED && labels[keys.hub] !== MARKED;
}

/** Those of the entries that are not so on the Node; undefined if all are. */
function differing(
  found: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string | null>>,
): Record<string, string | null> | undefined {
  const entries = Object.entries(wanted).filter(([key, value]) => (found[key] ?? null) !== value);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
