import type { IpAddress } from "../ip/address.ts";
import { parseEndpoint, printEndpoint } from "../ip/endpoint.ts";
import type { AnnotationKeys } from "./annotation_keys.ts";
import type { NodeView } from "./node.ts";

/**
 * A hub's Node as a member is to take it: the hub is on the same network, at its InternalIP and the
 * port of the endpoint that it publishes. That endpoint itself may be an address that does not lead
 * back into the network; it stands where there is no InternalIP that can be reached.
 *
 * @param isReachable whether this machine has a way to an address.
 */
export function hubFromInside(
  node: NodeView,
  keys: AnnotationKeys,
  isReachable: (address: IpAddress) => boolean,
): NodeView {
  const published = parseEndpoint(node.annotations[keys.endpoint]?.trim() ?? "");
  const host = node.status?.internalIPs.find(isReachable);
  if (!published || host === undefined) return node;
  const endpoint = printEndpoint({ host, port: published.port });
  return { ...node, annotations: { ...node.annotations, [keys.endpoint]: endpoint } };
}
