import type { IpAddress } from "../ip/address.ts";
import { type Cidr, cidrParts } from "../ip/cidr.ts";
import type { NetworkAccess } from "../netlink/network.ts";
import { type Route, ROUTE_PROTOCOL, ROUTE_TABLE, ROUTE_TYPE } from "../netlink/routes.ts";

/** What this machine is like outside the tunnel. */
export interface Surroundings {
  /** Every address of this machine, the tunnel's included. */
  readonly addresses: readonly IpAddress[];
  /** Where other interfaces lead to, default routes left out. */
  readonly routes: readonly Cidr[];
  /** Those of them in whose networks this machine itself is, so that others there answer for it. */
  readonly connected: readonly Cidr[];
  /** Those of them that lead to pods, by the device of a network plugin. */
  readonly podRoutes: readonly Cidr[];
  /** The next hops of routes. */
  readonly gateways: readonly IpAddress[];
  /** The MTU of the interface that has the default route; undefined without one. */
  readonly underlayMtu?: number;
}

/**
 * Devices by which network plugins reach pods: Cilium, Calico, Flannel, kube-router, Weave, Antrea,
 * OVN-Kubernetes, those of EKS, AKS and GKE, and what kubenet and the plugins of the CNI project make. A machine is reached by none of them, so whatever a route gives
 * to one is no place for a peer. With native routing the pods of other nodes have routes by the
 * underlay's device, which tell nothing: those networks have to be named (`--pod-cidrs`).
 */
const POD_DEVICE = new RegExp(
  "^(cilium_|lxc(?!br)|cali|vxlan\\.calico|tunl|flannel|cni|kube-bridge|weave|antrea-gw|ovn-k8s-mp|" +
    "(eni|azv|gke)[0-9a-f]{11}$|azure\\d|cbr0$)",
);

/** WireGuard's own headers over IPv6, the larger case: 40 IPv6, 8 UDP, 32 WireGuard. */
const OVERHEAD = 80;
/** What passes nearly everywhere; a larger frame on the first link says nothing of the next. */
const COMMON_MTU = 1500;

/** Reads what the machine is like around the interface `tunnel` (which need not exist). */
export function readSurroundings(
  network: Pick<NetworkAccess, "links" | "link" | "routes" | "addresses">,
  tunnel: string,
): Surroundings {
  const links = new Map(network.links().map((link) => [link.index, link]));
  const tunnelIndex = network.link(tunnel)?.index;
  const others = network.routes({ table: ROUTE_TABLE.MAIN }).filter((route) =>
    (tunnelIndex === undefined || route.interfaceIndex !== tunnelIndex) && // several ways: no index
    (route.type ?? ROUTE_TYPE.UNICAST) === ROUTE_TYPE.UNICAST
  );
  const isDefault = (route: Route) => cidrParts(route.destination).prefixLength === 0;
  const underlay = others.filter(isDefault)
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    .map((route) => links.get(hopsOf(route)[0]?.interfaceIndex ?? 0)?.mtu)
    .find((mtu) => mtu !== undefined);
  const routes = others.filter((route) => !isDefault(route));
  const addresses = network.addresses().map(({ address }) => address);
  return {
    addresses,
    routes: routes.map((route) => route.destination),
    connected: routes.filter(isConnected).map((route) => route.destination),
    podRoutes: routes.filter((route) =>
      hopsOf(route).some(({ interfaceIndex = 0 }) =>
        POD_DEVICE.test(links.get(interfaceIndex)?.name ?? "")
      )
    ).map((route) => route.destination),
    // A CNI names an address of this machine itself as the next hop to its pods.
    gateways: others.flatMap(hopsOf).flatMap(({ gateway }) =>
      gateway && !addresses.includes(gateway) ? [gateway] : []
    ),
    ...(underlay !== undefined && { underlayMtu: underlay }),
  };
}

/**
 * The tunnel's MTU for an underlay's, or for that of the way to the other end: what fits in it, and
 * in the common 1500, behind the headers.
 */
export function tunnelMtu(underlayMtu: number | undefined): number {
  return Math.min(underlayMtu ?? COMMON_MTU, COMMON_MTU) - OVERHEAD;
}

/**
 * Made by the kernel for an address of an interface, or, where systemd-networkd reads the routers'
 * advertisements, by that for one of them. That others have no gateway tells nothing: those of another
 * tunnel have none either.
 */
function isConnected(route: Route): boolean {
  return route.protocol === ROUTE_PROTOCOL.KERNEL ||
    (route.protocol === ROUTE_PROTOCOL.ROUTER_ADVERTISEMENT &&
      hopsOf(route).every(({ gateway }) => gateway === undefined));
}

function hopsOf(route: Route): Pick<Route, "interfaceIndex" | "gateway">[] {
  return route.nextHops ? [...route.nextHops] : [route];
}
