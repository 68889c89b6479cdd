import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrParts, hostCidr } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { type Route, ROUTE_TABLE } from "../netlink/routes.ts";
import type { Device } from "../wireguard/device.ts";
import type { Deed } from "./deed.ts";
import { OUR_PROTOCOL, planRoutes, wantedDestinations } from "./plan_routes.ts";
import type { RouteSources, WantedTunnel } from "./wanted_tunnel.ts";

/** The main table's routes into an interface, by destination. */
export interface RoutesInto {
  /** Ours. */
  readonly routes: ReadonlySet<Cidr>;
  /** Others': the kernel's, or those of a program that had the interface before us. */
  readonly otherRoutes: ReadonlySet<Cidr>;
  /** Those of ours that give packets another source than they shall. */
  readonly stale: readonly Cidr[];
}

/** Where routes lead that are found, and what they lead into. */
export interface FoundRoutes extends RoutesInto {
  /** The interface's index and name. */
  readonly index: number;
  readonly name: string;
  /** Where the table of members leads, while it is not known where it should. */
  readonly toMembers?: ReadonlySet<Cidr> | undefined;
}

/** What became of the routes. */
export interface SettledRoutes {
  readonly routes: ReadonlySet<Cidr>;
  /** Those that could not be had, in words. */
  readonly refused: readonly string[];
}

/**
 * Adds and removes routes until they are those of the wanted peers, or, while it is not known who
 * they are, of the device's.
 *
 * @param settlePolicy called between the two: a prefix that moves from one table to the other is in
 * both for a moment, never in none. It tells what it could not have.
 */
export function settleRoutes(
  network: Pick<NetworkAccess, "addRoutes" | "removeRoutes">,
  wanted: WantedTunnel,
  device: Device,
  found: FoundRoutes,
  done: Deed[],
  settlePolicy: () => readonly string[],
): SettledRoutes {
  if (wanted.keepsRoutes) return { routes: found.routes, refused: [] };
  const {
    isRouting = true,
    device: { peers },
    addresses,
    otherRoutes,
    policy,
    members,
    membersBefore,
  } = wanted;
  // Before a hub knows who is a member: one whose address led into the tunnel would be called there.
  const certain = peers ?? (policy ? device.peers : withoutMembers(device.peers));
  const isMembers = (cidr: Cidr) =>
    members ? members.routes.has(cidr) : found.toMembers?.has(cidr) || membersBefore?.has(cidr);
  const allowedIPs = [...certain.values()].flatMap((peer) => peer.allowedIPs);
  const destinations = wantedDestinations(isRouting ? allowedIPs : [], addresses, otherRoutes)
    .filter((cidr) =>
      !found.otherRoutes.has(cidr) && !policy?.prefixes.includes(cidr) && !isMembers(cidr)
    );
  const { add, remove: over } = planRoutes(destinations, found.routes);
  const remove = peers || !isRouting ? over : []; // who is a peer may not be known yet
  const routeTo = (destination: Cidr): Route => ({
    destination,
    table: ROUTE_TABLE.MAIN,
    protocol: OUR_PROTOCOL,
    interfaceIndex: found.index,
  });
  const withSource = (route: Route): Route => {
    const preferredSource = sourceFor(route.destination, wanted.sources);
    return { ...route, ...(preferredSource && { preferredSource }) };
  };
  network.removeRoutes(found.stale.map(routeTo)); // the kernel takes no other beside it
  const refusals = network.addRoutes(add.map(routeTo).map(withSource));
  const refusedPolicy = settlePolicy();
  network.removeRoutes(remove.map(routeTo));
  const refusedOnes = new Set(refusals.map(({ route }) => route.destination));
  const added = add.filter((cidr) => !refusedOnes.has(cidr));
  const tell = (text: string, list: readonly Cidr[]) => {
    if (list.length > 0) done.push({ text, fields: { routes: list.join(",") } });
  };
  tell("routes added", added);
  tell("routes removed", remove);
  const routes = new Set([...found.routes, ...added]);
  for (const cidr of remove) routes.delete(cidr);
  const refused = refusals.map(({ route, error }) =>
    `cannot route ${route.destination} to ${found.name}: ${error.message}`
  );
  return { routes, refused: [...refused, ...refusedPolicy] };
}

/**
 * Reads the routes of the main table into an interface.
 *
 * @param sources the addresses that packets are to get by ours.
 */
export function readRoutes(
  network: Pick<NetworkAccess, "routes">,
  interfaceIndex: number,
  sources: RouteSources | undefined,
): RoutesInto {
  const all = network.routes({ table: ROUTE_TABLE.MAIN, interfaceIndex });
  const isOurs = ({ protocol }: Route) => protocol === OUR_PROTOCOL;
  const isStale = ({ destination, preferredSource }: Route) =>
    (preferredSource ?? sources) !== undefined &&
    preferredSource !== sourceFor(destination, sources);
  const destinations = (routes: readonly Route[]) => routes.map(({ destination }) => destination);
  const ours = all.filter(isOurs);
  return {
    routes: new Set(destinations(ours.filter((route) => !isStale(route)))),
    otherRoutes: new Set(destinations(all.filter((route) => !isOurs(route)))),
    stale: destinations(ours.filter(isStale)),
  };
}

/** Those peers that are not reached at one of their own prefixes, as members are. */
function withoutMembers(peers: Device["peers"]): Device["peers"] {
  return new Map(
    [...peers].filter(([, { endpoint, allowedIPs }]) =>
      endpoint === undefined || !allowedIPs.includes(hostCidr(endpoint.host))
    ),
  );
}

/** Whether packets get the same addresses by both. */
export function sameSources(a: RouteSources = {}, b: RouteSources = {}): boolean {
  return a[4] === b[4] && a[6] === b[6];
}

function sourceFor(destination: Cidr, sources: RouteSources = {}): IpAddress | undefined {
  return sources[cidrParts(destination).family];
}
