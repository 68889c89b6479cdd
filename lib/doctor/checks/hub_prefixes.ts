import type { NodeView } from "../../contract/node.ts";
import { type Cidr, cidrContains, hostCidr } from "../../ip/cidr.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** What the hub has spokes route to it, and what they should. */
export interface HubPrefixFacts {
  /** As it publishes them. */
  readonly allowedIPs: readonly Cidr[];
  /** Undefined if it could not be read. */
  readonly node: Pick<NodeView, "status"> | undefined;
  /** What peers have been admitted with. */
  readonly peerPrefixes: readonly Cidr[];
}

/**
 * Spokes send to the hub what its allowed-ips hold, and nothing else. Cilium addresses the hub by its
 * InternalIP, and spokes reach each other by the tunnel's network.
 */
export function checkHubPrefixes({ allowedIPs, node, peerPrefixes }: HubPrefixFacts): Finding {
  if (!node) return skipped("the API did not tell");
  const lacks = (cidr: Cidr) => !allowedIPs.some((one) => cidrContains(one, cidr));
  const internal = (node.status?.internalIPs ?? []).map(hostCidr).filter(lacks);
  const peers = peerPrefixes.filter(lacks);
  const missing = [
    ...(internal.length > 0
      ? [`lacks the hub's InternalIP ${nameSome(internal)}: pods of spokes do not reach its pods`]
      : []),
    ...(peers.length > 0
      ? [`lacks ${nameSome(peers)} of peers: other spokes do not reach those`]
      : []),
  ];
  if (missing.length === 0) return ok(`${allowedIPs.join(" ")} hold what spokes need`);
  return warning(
    missing.join("; "),
    `give --allowed-ips=${
      [...allowedIPs, ...internal, ...peers.slice(0, 1)].join(",")
    }, or wider ` +
      "networks, in the DaemonSet's args",
  );
}
