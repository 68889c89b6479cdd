import { equal } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, hostCidr, type InterfaceAddress, networkOf } from "../../lib/ip/cidr.ts";
import type { AssignedAddress } from "../../lib/netlink/addresses.ts";
import type { Link, LinkChange } from "../../lib/netlink/links.ts";
import {
  matchesRoute,
  type Route,
  ROUTE_TABLE,
  type RouteFilter,
} from "../../lib/netlink/routes.ts";
import type { Rule } from "../../lib/netlink/rules.ts";
import { ERRNO, SystemError } from "../../lib/netlink/system_error.ts";
import { SimulatedWireGuard } from "./simulated_wireguard.ts";

/** Who made a route: the kernel, an administrator (rtnetlink(7)). */
const [KERNEL, BOOT] = [2, 3];
const UNDERLAY = 2;

/** How a machine is connected, apart from the tunnel. */
export interface Underlay {
  readonly address: InterfaceAddress;
  readonly gateway: IpAddress;
  /** What lies behind another router. */
  readonly beyond?: { readonly destination: Cidr; readonly gateway: IpAddress };
}

/** What the kernel of a machine knows of its links, addresses, routes and rules. A reboot forgets it. */
export class SimulatedHost {
  links!: Map<number, Link>;
  addresses!: AssignedAddress[];
  routes!: Route[];
  rules!: Rule[];
  /** The tunnel's interface, while there is one. */
  wireguard: SimulatedWireGuard | undefined;
  underlay: Underlay;
  #lastIndex = UNDERLAY;

  constructor(underlay: Underlay) {
    this.underlay = underlay;
    this.boot();
  }

  /** The machine begins anew, without a tunnel. */
  boot(): void {
    this.wireguard = undefined;
    this.#lastIndex = UNDERLAY;
    this.links = new Map([[UNDERLAY, { index: UNDERLAY, name: "eth0", mtu: 1500, up: true }]]);
    this.addresses = [];
    this.routes = [];
    this.rules = [];
    this.#connect();
  }

  /** The machine is elsewhere: its tunnel stays, its underlay is another. */
  move(underlay: Underlay): void {
    this.underlay = underlay;
    this.addresses = this.addresses.filter(({ interfaceIndex }) => interfaceIndex !== UNDERLAY);
    this.routes = this.routes.filter(({ interfaceIndex }) => interfaceIndex !== UNDERLAY);
    this.#connect();
  }

  link(name: string): Link | undefined {
    for (const link of this.links.values()) if (link.name === name) return link;
    return undefined;
  }

  createLink(name: string): void {
    if (this.link(name)) throw new SystemError(`create ${name}`, ERRNO.EEXIST);
    const index = ++this.#lastIndex;
    this.links.set(index, { index, name, mtu: 1420, up: false, kind: "wireguard" });
    this.wireguard = new SimulatedWireGuard();
  }

  deleteLink(index: number): void {
    if (!this.links.delete(index)) throw new SystemError("delete link", ERRNO.ENODEV);
    this.addresses = this.addresses.filter(({ interfaceIndex }) => interfaceIndex !== index);
    this.routes = this.routes.filter(({ interfaceIndex }) => interfaceIndex !== index);
    this.wireguard = undefined;
  }

  setLink(index: number, change: LinkChange): void {
    const link = this.#linkOf(index);
    this.links.set(index, { ...link, ...change });
    if (link.up || !change.up) return;
    for (const address of this.addresses) {
      if (address.interfaceIndex === index) this.#addConnected(address);
    }
  }

  addAddress(interfaceIndex: number, address: InterfaceAddress): void {
    const { up } = this.#linkOf(interfaceIndex);
    if (this.addresses.some((one) => one.interfaceIndex === interfaceIndex && same(one, address))) {
      throw new SystemError("add address", ERRNO.EEXIST);
    }
    const assigned = { ...address, interfaceIndex };
    this.addresses.push(assigned);
    if (up) this.#addConnected(assigned);
  }

  removeAddress(interfaceIndex: number, address: InterfaceAddress): void {
    const isIt = (one: AssignedAddress) =>
      one.interfaceIndex === interfaceIndex && same(one, address);
    if (!this.addresses.some(isIt)) throw new SystemError("remove address", ERRNO.EADDRNOTAVAIL);
    this.addresses = this.addresses.filter((one) => !isIt(one));
    const destination = networkOf(address);
    this.routes = this.routes.filter((route) =>
      route.protocol !== KERNEL || route.interfaceIndex !== interfaceIndex ||
      route.destination !== destination
    );
  }

  routesOf(filter: RouteFilter): Route[] {
    return this.routes.filter((route) => matchesRoute(filter, route));
  }

  /** @throws {SystemError} as with CREATE|EXCL: no route takes the place of another. */
  addRoute(route: Route): void {
    this.#linkOf(route.interfaceIndex!);
    const { destination, table, priority } = route;
    const isThere = this.routes.some((one) =>
      one.destination === destination && one.table === table && one.priority === priority
    );
    if (isThere) throw new SystemError(`add route ${destination}`, ERRNO.EEXIST);
    this.routes.push(route);
  }

  removeRoute({ destination, table, interfaceIndex, protocol }: Route): void {
    const at = this.routes.findIndex((one) =>
      one.destination === destination && one.table === table && one.protocol === protocol &&
      one.interfaceIndex === interfaceIndex
    );
    if (at < 0) throw new SystemError(`remove route ${destination}`, ERRNO.ESRCH);
    this.routes.splice(at, 1);
  }

  /** @throws {SystemError} if there is such a rule. */
  addRule(rule: Rule): void {
    if (this.rules.some((one) => equal(one, rule))) throw new SystemError("add rule", ERRNO.EEXIST);
    this.rules.push(rule);
  }

  /** @throws {SystemError} if there is no such rule. */
  removeRule(rule: Rule): void {
    const at = this.rules.findIndex((one) => equal(one, rule));
    if (at < 0) throw new SystemError("remove rule", ERRNO.ENOENT);
    this.rules.splice(at, 1);
  }

  /** The way to any address: out of the tunnel, for nothing else is asked for here. */
  routeTo(address: IpAddress): Route {
    return {
      destination: hostCidr(address),
      table: ROUTE_TABLE.MAIN,
      protocol: BOOT,
      interfaceIndex: UNDERLAY,
      gateway: this.underlay.gateway,
      preferredSource: this.underlay.address.address,
    };
  }

  #connect(): void {
    const { address, gateway, beyond } = this.underlay;
    this.addAddress(UNDERLAY, address);
    const way = { table: ROUTE_TABLE.MAIN, protocol: BOOT, interfaceIndex: UNDERLAY };
    this.routes.push({ ...way, destination: "0.0.0.0/0" as Cidr, gateway });
    if (beyond) this.routes.push({ ...way, ...beyond });
  }

  #addConnected(address: AssignedAddress): void {
    const { interfaceIndex } = address;
    const destination = networkOf(address);
    if (destination === hostCidr(address.address)) return;
    const route = { destination, table: ROUTE_TABLE.MAIN, protocol: KERNEL, interfaceIndex };
    this.routes.push(route);
  }

  #linkOf(index: number): Link {
    const link = this.links.get(index);
    if (!link) throw new SystemError("find link", ERRNO.ENODEV);
    return link;
  }
}

function same(a: InterfaceAddress, b: InterfaceAddress): boolean {
  return a.address === b.address && a.prefixLength === b.prefixLength;
}
