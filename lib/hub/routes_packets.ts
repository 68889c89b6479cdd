import { familyOf } from "../ip/address.ts";
import { bitsOf } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { OUR_PROTOCOL } from "../tunnel/plan_routes.ts";

/**
 * Whether packets go into an interface now: it has routes of ours, or an address with its network. A
 * hub that stands by has neither, so this tells what it was, even where that could not be written down.
 */
export function routesPackets(
  network: Pick<NetworkAccess, "link" | "routes" | "addresses">,
  name: string,
): boolean {
  const link = network.link(name);
  if (!link) return false;
  const ours = network.routes({ interfaceIndex: link.index }) // of whatever table
    .some(({ protocol }) => protocol === OUR_PROTOCOL);
  const isNetwork = ({ address, prefixLength }: (typeof addresses)[number]) =>
    !address.startsWith("fe80:") && prefixLength < bitsOf(familyOf(address));
  const addresses = network.addresses(link.index);
  return ours || addresses.some(isNetwork);
}
