import type { Cidr } from "../ip/cidr.ts";
import { type Endpoint, printEndpoint } from "../ip/endpoint.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { type AnnotationKeys, MARKED } from "./annotation_keys.ts";
import type { NodeView } from "./node.ts";

/** What a program says of itself on its own Node. */
export interface Publication {
  readonly role: "hub" | "peer";
  readonly publicKey: PublicKey;
  /** Absent: nothing is said of it, and what stands there stays. */
  readonly endpoint?: Endpoint;
  readonly allowedIPs: readonly Cidr[];
}

/** Labels and annotations to merge into a Node's metadata (RFC 7386). */
export interface MetadataPatch {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * What is to be patched so that the Node says what it should, as two patches: the label, then the
 * annotations. The label comes first and alone, as the original has it: who may set it is another
 * question (an admission policy can refuse it), and a reader that sees annotations sees the label.
 * An empty list: nothing.
 */
export function planPublication(
  node: NodeView,
  wanted: Publication,
  keys: AnnotationKeys,
): MetadataPatch[] {
  const label = keys[wanted.role];
  const annotations: Record<string, string> = {
    [keys.publicKey]: wanted.publicKey,
    ...(wanted.endpoint && { [keys.endpoint]: printEndpoint(wanted.endpoint) }),
    [keys.allowedIPs]: wanted.allowedIPs.join(","),
  };
  const differing = Object.entries(annotations).filter(([key, value]) =>
    node.annotations[key] !== value
  );
  return [
    ...(node.labels[label] === MARKED ? [] : [{ labels: { [label]: MARKED } }]),
    ...(differing.length === 0 ? [] : [{ annotations: Object.fromEntries(differing) }]),
  ];
}
