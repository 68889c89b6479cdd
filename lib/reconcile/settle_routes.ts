import type { Cidr } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { type Route, ROUTE_TABLE } from "../netlink/routes.ts";
import type { Device } from "../wireguard/device.ts";
import type { Deed } from "./deed.ts";
import { OUR_PROTOCOL, planRoutes, wantedDestinations } from "./plan_routes.ts";
import type { WantedTunnel } from "./wanted_tunnel.ts";

/** Where routes lead that are found, and what they lead into. */
export interface FoundRoutes {
  /** The interface's index and name. */
  readonly index: number;
  readonly name: string;
  /** Where our routes into the interface lead. */
  readonly routes: ReadonlySet<Cidr>;
  /** Where others' routes into it lead. */
  readonly otherRoutes: ReadonlySet<Cidr>;
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
  const { isRouting = true, device: { peers }, addresses, otherRoutes } = wanted;
  const allowedIPs = [...(peers ?? device.peers).values()].flatMap((peer) => peer.allowedIPs);
  const destinations = wantedDestinations(isRouting ? allowedIPs : [], addresses, otherRoutes)
    .filter((cidr) => !found.otherRoutes.has(cidr) && !wanted.policy?.prefixes.includes(cidr));
  const { add, remove: over } = planRoutes(destinations, found.routes);
  const remove = peers || !isRouting ? over : []; // who is a peer may not be known yet
  const routeTo = (destination: Cidr): Route => ({
    destination,
    table: ROUTE_TABLE.MAIN,
    protocol: OUR_PROTOCOL,
    interfaceIndex: found.index,
  });
  const refusals = network.addRoutes(add.map(routeTo));
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
