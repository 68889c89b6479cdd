import type { NetworkAccess, RouteRefusal } from "../../lib/netlink/network.ts";
import type { Route } from "../../lib/netlink/routes.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";
import type { WireGuardBackend } from "../../lib/wireguard/device.ts";
import type { SimulatedHost } from "./simulated_host.ts";
import type { KernelWitness } from "./simulated_wireguard.ts";

/** The network of a machine as one of its processes has it: each call is a step of the process. */
export function networkOf(
  host: SimulatedHost,
  step: () => void,
  witness: KernelWitness,
): NetworkAccess {
  /** What the kernel does after that step. */
  const after = <T>(act: () => T): T => {
    step();
    return act();
  };
  const each = (routes: readonly Route[], act: (route: Route) => void): RouteRefusal[] =>
    routes.flatMap((route) => {
      step();
      try {
        act(route);
        return [];
      } catch (error) {
        if (error instanceof SystemError) return [{ route, error }];
        throw error;
      }
    });
  return {
    links: () => after(() => [...host.links.values()]),
    link: (name) => after(() => host.link(name)),
    createLink: ({ name }) => after(() => host.createLink(name)),
    deleteLink: (index) =>
      after(() => {
        host.deleteLink(index);
        witness.removed();
      }),
    setLink: (index, change) => after(() => host.setLink(index, change)),
    addresses: (index) =>
      after(() =>
        host.addresses.filter(({ interfaceIndex }) =>
          index === undefined || interfaceIndex === index
        )
      ),
    addAddress: (index, address) => after(() => host.addAddress(index, address)),
    removeAddress: (index, address) =>
      after(() => {
        host.removeAddress(index, address);
        const { address: own, prefixLength } = address;
        // Where it stands with a wider network, nothing has gone.
        const isWithin = host.addresses.some((one) =>
          one.interfaceIndex === index && one.address === own && one.prefixLength < prefixLength
        );
        if (!isWithin) witness.took(`the address ${own}/${prefixLength}`);
      }),
    routes: (filter = {}) => after(() => host.routesOf(filter)),
    addRoutes: (routes) => each(routes, (route) => host.addRoute(route)),
    removeRoutes: (routes) =>
      each(routes, (route) => {
        host.removeRoute(route);
        witness.took(`the route to ${route.destination}`);
      }),
    routeTo: (address) => after(() => host.routeTo(address)),
    rules: () => after(() => [...host.rules]),
    addRule: (rule) => after(() => host.addRule(rule)),
    removeRule: (rule) => after(() => host.removeRule(rule)),
  };
}

/** WireGuard on a machine as one of its processes has it. */
export function backendOf(
  host: SimulatedHost,
  step: () => void,
  witness: KernelWitness,
): WireGuardBackend {
  /** As a call of the kernel's backend: what is refused is rejected. */
  const settle = async <T>(act: () => T): Promise<T> => {
    step();
    return await act();
  };
  return {
    kind: "kernel",
    create: (name) => settle(() => host.createLink(name)),
    read: () => settle(() => host.wireguard?.read()),
    configure: (_, config) =>
      settle(() => {
        if (!host.wireguard) throw new Error("no such interface");
        host.wireguard.configure(config, step, witness);
      }),
  };
}
