import type { InterfaceAddress } from "../ip/cidr.ts";
import type { Link } from "../netlink/links.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { SystemError } from "../netlink/system_error.ts";
import { type InterfaceChanges, planInterface, type WantedInterface } from "./plan_interface.ts";

/**
 * Adds addresses to a link. One that the kernel does not take (an IPv6 address where IPv6 is switched
 * off) does not keep the others from being there.
 *
 * @returns which could not be had, in words.
 * @throws {SystemError} if the link then has none of those that are wanted.
 */
export function addAddresses(
  network: NetworkAccess,
  link: Link,
  wanted: WantedInterface,
  changes: InterfaceChanges,
): string[] {
  for (const address of changes.replaceAddresses) network.removeAddress(link.index, address);
  const refused = changes.addAddresses.flatMap((address) => add(network, link, address));
  const [first] = refused;
  if (first && refused.length >= wanted.addresses.length) throw first;
  return refused.map((error) => textOf(link, error));
}

/**
 * Removes addresses from a link, once whatever their networks led to has routes of its own.
 *
 * @returns which of the others could not be kept, in words.
 */
export function removeAddresses(
  network: NetworkAccess,
  link: Link,
  wanted: WantedInterface,
  changes: InterfaceChanges,
): string[] {
  return changes.removeAddresses.flatMap((address) => {
    remove(network, link, address);
    // The kernel takes the others of its network with it, unless promote_secondaries is set.
    const left = planInterface(wanted, { ...link, addresses: network.addresses(link.index) });
    const lost = left?.addAddresses.filter((one) => !changes.addAddresses.includes(one)) ?? [];
    return lost.flatMap((one) => add(network, link, one)).map((error) => textOf(link, error));
  });
}

/** @returns why the kernel did not take it. */
function add(network: NetworkAccess, link: Link, address: InterfaceAddress): SystemError[] {
  try {
    network.addAddress(link.index, address);
    return [];
  } catch (error) {
    if (error instanceof SystemError) return [error];
    throw error;
  }
}

/** Removes an address that may have gone with another. */
function remove(network: NetworkAccess, link: Link, address: InterfaceAddress): void {
  try {
    network.removeAddress(link.index, address);
  } catch (error) {
    if (!(error instanceof SystemError) || !error.isMissing) throw error;
  }
}

function textOf(link: Link, error: SystemError): string {
  return `${link.name} cannot have all its addresses: ${error.message}`;
}
