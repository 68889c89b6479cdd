import type { InterfaceAddress } from "../ip/cidr.ts";
import type { Link } from "../netlink/links.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { SystemError } from "../netlink/system_error.ts";
import { type InterfaceChanges, planInterface, type WantedInterface } from "./plan_interface.ts";

/**
 * Adds and removes addresses of a link. One that the kernel does not take (an IPv6 address where
 * IPv6 is switched off) does not keep the others from being there.
 *
 * @returns which could not be had, in words.
 * @throws {SystemError} if the link then has none of those that are wanted.
 */
export function changeAddresses(
  network: NetworkAccess,
  link: Link,
  wanted: WantedInterface,
  changes: InterfaceChanges,
): string[] {
  const refused: SystemError[] = [];
  const add = (address: InterfaceAddress) => {
    try {
      network.addAddress(link.index, address);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      refused.push(error);
    }
  };
  for (const address of changes.replaceAddresses) network.removeAddress(link.index, address);
  changes.addAddresses.forEach(add);
  for (const address of changes.removeAddresses) {
    remove(network, link, address);
    // The kernel takes the others of its network with it, unless promote_secondaries is set.
    const left = planInterface(wanted, { ...link, addresses: network.addresses(link.index) });
    left?.addAddresses.filter((lost) => !changes.addAddresses.includes(lost)).forEach(add);
  }
  const [first] = refused;
  if (first && refused.length >= wanted.addresses.length) throw first;
  return refused.map((error) => `${link.name} cannot have all its addresses: ${error.message}`);
}

/** Removes an address that may have gone with another. */
function remove(network: NetworkAccess, link: Link, address: InterfaceAddress): void {
  try {
    network.removeAddress(link.index, address);
  } catch (error) {
    if (!(error instanceof SystemError) || !error.isMissing) throw error;
  }
}
