import type { NodeView } from "../../contract/node.ts";
import type { IpAddress } from "../../ip/address.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";

/** Where the cluster reaches this machine, and what its tunnel has. */
export interface NodeAddressFacts {
  readonly name: string;
  /** Undefined if it could not be read, or is not there. */
  readonly node: Pick<NodeView, "status"> | undefined;
  /** Of the tunnel's interface; of a member, all of the machine. */
  readonly addresses: readonly IpAddress[];
  readonly isMember: boolean;
}

/**
 * The cluster reaches a spoke by its InternalIP, which has to be the tunnel's: the kubelet's --node-ip. A
 * member is reached by its own over its own network, and sends into the tunnel from there.
 */
export function checkNodeAddress({ name, node, addresses, isMember }: NodeAddressFacts): Finding {
  if (!node) return skipped("the API did not tell");
  const { internalIPs = [] } = node.status ?? {};
  const remedy = isMember
    ? "start the kubelet with --node-ip set to an address of this machine"
    : `start the kubelet with --node-ip=${addresses[0] ?? "ADDRESS"}, after the spoke`;
  if (internalIPs.length === 0) {
    return warning("the Node has no InternalIP: the kubelet did not find its --node-ip", remedy);
  }
  const where = isMember ? "this machine" : name;
  const own = internalIPs.filter((address) => addresses.includes(address));
  if (own.length > 0) return ok(`the Node's InternalIP ${own.join(" ")} is on ${where}`);
  return warning(`the Node's InternalIP ${internalIPs.join(" ")} is not on ${where}`, remedy);
}
