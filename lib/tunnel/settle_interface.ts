import type { InterfaceAddress } from "../ip/cidr.ts";
import type { Link } from "../netlink/links.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { addAddresses, removeAddresses } from "./change_addresses.ts";
import type { Deed } from "./deed.ts";
import { planInterface, type WantedInterface } from "./plan_interface.ts";

/** What became of an interface, and what is left to do. */
export interface SettledInterface {
  /** The addresses that could not be had, in words. */
  readonly refused: readonly string[];
  /**
   * Takes away the addresses that are wanted no more. To be called when there are the routes that the
   * networks of those that stay do not make: without them, what an address led to is nowhere.
   *
   * @returns the addresses that could not be kept, in words.
   */
  finish(): readonly string[];
}

/**
 * Makes an interface what is wanted, but for addresses that go: those stay until the end.
 *
 * @throws {SystemError} if it could have no address.
 */
export function settleInterface(
  network: NetworkAccess,
  link: Link,
  wanted: WantedInterface,
  done: Deed[],
): SettledInterface {
  const changes = planInterface(wanted, { ...link, addresses: network.addresses(link.index) });
  if (!changes) return { refused: [], finish: () => [] };
  const { replaceAddresses, addAddresses: added, removeAddresses: removed, ...settings } = changes;
  if (Object.keys(settings).length > 0) network.setLink(link.index, settings);
  const refused = addAddresses(network, link, wanted, changes);
  done.push({
    text: "interface set",
    fields: {
      interface: link.name,
      ...settings,
      added: printed(added),
      removed: printed([...replaceAddresses, ...removed]),
    },
  });
  return { refused, finish: () => removeAddresses(network, link, wanted, changes) };
}

function printed(list: readonly InterfaceAddress[]): string | undefined {
  return list.map(({ address, prefixLength }) => `${address}/${prefixLength}`).join() || undefined;
}
