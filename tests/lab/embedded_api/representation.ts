import { ApiStatus } from "./api_status.ts";
import type { NodeObject } from "./node_store.ts";

/** How the client wants Nodes: whole, or their metadata alone. */
export interface Representation {
  object(node: NodeObject): unknown;
  list(nodes: readonly NodeObject[], metadata: Readonly<Record<string, string>>): unknown;
  /** An object that bears nothing but a resource version. */
  bookmark(version: number): unknown;
}

/**
 * The first form of an Accept header that this server knows.
 *
 * @throws {ApiStatus} 406 if it knows none.
 */
export function representationOf(accept: string): Representation {
  for (const form of accept.split(",")) {
    const [type, ...parameters] = form.trim().split(";").map((part) => part.trim());
    if (!["application/json", "application/*", "*/*", ""].includes(type!)) continue;
    const as = parameters.find((parameter) => parameter.startsWith("as="))?.slice(3);
    if (as === undefined) return WHOLE;
    const isMeta = parameters.includes("g=meta.k8s.io") && parameters.includes("v=v1");
    if (isMeta && /^PartialObjectMetadata(List)?$/.test(as)) return METADATA;
  }
  throw new ApiStatus(406, "NotAcceptable", "only application/json and its metadata forms");
}

const META = "meta.k8s.io/v1";

const WHOLE: Representation = {
  object: (node) => node,
  list: (items, metadata) => ({ kind: "NodeList", apiVersion: "v1", metadata, items }),
  bookmark: (version) => ({
    kind: "Node",
    apiVersion: "v1",
    ...bare(version),
    spec: {},
    status: {},
  }),
};

const METADATA: Representation = {
  object: partial,
  list: (nodes, metadata) => ({
    kind: "PartialObjectMetadataList",
    apiVersion: META,
    metadata,
    items: nodes.length === 0 ? null : nodes.map(partial), // so does kube-apiserver
  }),
  bookmark: (version) => ({ kind: "PartialObjectMetadata", apiVersion: META, ...bare(version) }),
};

function partial({ metadata }: NodeObject): unknown {
  return { kind: "PartialObjectMetadata", apiVersion: META, metadata };
}

function bare(version: number) {
  return { metadata: { resourceVersion: String(version), creationTimestamp: null } };
}
