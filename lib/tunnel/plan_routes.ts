import { type Cidr, cidrContains, type InterfaceAddress, networkOf } from "../ip/cidr.ts";

/** The protocol number that marks our routes and rules (rtnetlink(7): above 4, free for programs). */
export const OUR_PROTOCOL = 87;

/** Routes to add and to take away, by destination. */
export interface RouteChanges {
  readonly add: readonly Cidr[];
  readonly remove: readonly Cidr[];
}

/**
 * The destinations that need a route of ours into the interface: the peers' prefixes, but for those
 * within the networks of its own addresses, to which the kernel makes the routes. A prefix inside
 * another peer's prefix is not covered by that one's route: it may go tomorrow. Nor is one within a
 * route of another interface that is as narrow as the kernel's or narrower, and so wins over it: of
 * two that are alike, the one that was there first does.
 *
 * @param otherRoutes where other interfaces lead to.
 */
export function wantedDestinations(
  allowedIPs: Iterable<Cidr>,
  addresses: readonly InterfaceAddress[],
  otherRoutes: readonly Cidr[] = [],
): Cidr[] {
  const connected = addresses.map(networkOf).map((network) => ({
    network,
    rivals: otherRoutes.filter((route) => cidrContains(network, route)), // next to never any
  }));
  return [...new Set(allowedIPs)].filter((cidr) =>
    !connected.some(({ network, rivals }) =>
      cidrContains(network, cidr) && !rivals.some((route) => cidrContains(route, cidr))
    )
  );
}

/** What turns the routes that are there (ours alone) into those that are wanted. */
export function planRoutes(wanted: readonly Cidr[], found: ReadonlySet<Cidr>): RouteChanges {
  const kept = new Set(wanted);
  return {
    add: wanted.filter((cidr) => !found.has(cidr)),
    remove: [...found].filter((cidr) => !kept.has(cidr)),
  };
}
