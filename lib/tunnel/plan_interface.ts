import type { InterfaceAddress } from "../ip/cidr.ts";

/** What an interface is to be, apart from its peers. */
export interface WantedInterface {
  readonly addresses: readonly InterfaceAddress[];
  readonly mtu: number;
}

/** The interface as it was found. */
export interface FoundInterface {
  readonly addresses: readonly InterfaceAddress[];
  readonly mtu: number;
  readonly up: boolean;
  /** The interface's ifalias (ip-link(8)). */
  readonly alias?: string;
}

/** What to change of it, in this order. */
export interface InterfaceChanges {
  /** IPv6 addresses that are wanted with another prefix length: the kernel takes no second of them. */
  readonly replaceAddresses: readonly InterfaceAddress[];
  readonly addAddresses: readonly InterfaceAddress[];
  readonly removeAddresses: readonly InterfaceAddress[];
  readonly mtu?: number;
  readonly up?: true;
  readonly alias?: string;
}

/** The ifalias of interfaces that we made or have adopted. */
export const OUR_ALIAS = "wg-kube";

/** What turns the interface that is there into the one that is wanted; undefined if nothing. */
export function planInterface(
  wanted: WantedInterface,
  found: FoundInterface,
): InterfaceChanges | undefined {
  const addAddresses = without(wanted.addresses, found.addresses);
  const unwanted = without(found.addresses, wanted.addresses)
    .filter(({ address }) => !address.startsWith("fe80:")); // the kernel's own business
  const comesBack = ({ address }: InterfaceAddress) =>
    address.includes(":") && addAddresses.some((added) => added.address === address);
  const replaceAddresses = unwanted.filter(comesBack);
  const removeAddresses = unwanted.filter((one) => !comesBack(one));
  const mtu = wanted.mtu !== found.mtu;
  const alias = found.alias !== OUR_ALIAS;
  if (!addAddresses.length && !removeAddresses.length && !mtu && found.up && !alias) {
    return undefined;
  }
  return {
    replaceAddresses,
    addAddresses,
    removeAddresses,
    ...(mtu && { mtu: wanted.mtu }),
    ...(!found.up && { up: true }),
    ...(alias && { alias: OUR_ALIAS }),
  };
}

function without(
  these: readonly InterfaceAddress[],
  those: readonly InterfaceAddress[],
): InterfaceAddress[] {
  return these.filter((one) =>
    !those.some((two) => one.address === two.address && one.prefixLength === two.prefixLength)
  );
}
