import { cidrContains, type InterfaceAddress, networkOf } from "../ip/cidr.ts";
import type { Surroundings } from "../tunnel/surroundings.ts";

/**
 * The routes of other interfaces that hold the whole network of one of these addresses, as text for
 * an administrator: peers' own routes win over them, what no peer has goes there. On a hub that stands
 * by there may be one on purpose. Undefined if there is none.
 */
export function routesOverTunnel(
  { routes, connected }: Pick<Surroundings, "routes" | "connected">,
  addresses: readonly InterfaceAddress[],
): string | undefined {
  const networks = addresses.map(networkOf);
  const over = routes.filter((route) =>
    !connected.includes(route) && networks.some((network) => cidrContains(route, network))
  );
  if (over.length === 0) return undefined;
  return `${[...new Set(over)].sort().join(", ")}, which holds the tunnel's network, leads to ` +
    `another interface of this machine: peers are admitted all the same, addresses of no peer go there`;
}
