import type { IpAddress, IpFamily } from "../ip/address.ts";
import type { InterfaceAddress } from "../ip/cidr.ts";
import {
  type AssignedAddress,
  decodeAssignedAddress,
  deleteAddress,
  listAddresses,
  newAddress,
} from "./addresses.ts";
import {
  changeLink,
  decodeLink,
  getLink,
  type Link,
  type LinkChange,
  listLinks,
  newLink,
  removeLink,
} from "./links.ts";
import type { NetlinkMessage, NetlinkRequest } from "./message.ts";
import {
  decodeRoute,
  deleteRoute,
  listRoutes,
  type LookUp,
  lookUpRoute,
  matchesRoute,
  newRoute,
  type Route,
  type RouteFilter,
} from "./routes.ts";
import { decodeRule, deleteRule, listRules, newRule, type Rule } from "./rules.ts";
import { NetlinkSocket } from "./socket.ts";
import { ERRNO, SystemError } from "./system_error.ts";
import { NETLINK, openTransport } from "./transport.ts";

/** A route that the kernel did not add or remove, and why. */
export interface RouteRefusal {
  readonly route: Route;
  readonly error: SystemError;
}

/** What a {@linkcode Network} does, whoever owns it. */
export type NetworkAccess = Omit<Network, typeof Symbol.dispose>;

const FAMILIES: readonly IpFamily[] = [4, 6];

/**
 * The links, addresses, routes and rules of the network namespace that the process runs in. All is
 * synchronous and throws {@linkcode SystemError}. Changing needs CAP_NET_ADMIN.
 */
export class Network implements Disposable {
  readonly #socket = new NetlinkSocket(openTransport(NETLINK.ROUTE));

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** All links. */
  links(): Link[] {
    return decodeAll(this.#socket.dump("list links", listLinks()), decodeLink);
  }

  /** The link of that name, if there is one. */
  link(name: string): Link | undefined {
    const operation = `find link ${name}`;
    const answers = unlessMissing(() => this.#socket.execute(operation, getLink(name)));
    return decodeAll(answers ?? [], decodeLink)[0];
  }

  /** Makes a virtual link, down. EOPNOTSUPP: this kernel does not know the kind. EEXIST: it is there. */
  createLink({ name, kind }: { readonly name: string; readonly kind: string }): void {
    this.#socket.execute(`create ${kind} link ${name}`, newLink(name, kind));
  }

  /** Removes a link, and with it its addresses and routes. */
  deleteLink(index: number): void {
    this.#socket.execute(`delete link ${index}`, removeLink(index));
  }

  /** Changes a link. */
  setLink(index: number, change: LinkChange): void {
    this.#socket.execute(`set link ${index}`, changeLink(index, change));
  }

  /** The addresses of an interface, or of all. */
  addresses(interfaceIndex?: number): AssignedAddress[] {
    const request = listAddresses(interfaceIndex ?? 0);
    // A link that has just gone is one without addresses.
    const found = unlessMissing(() => this.#socket.dump("list addresses", request)) ?? [];
    return decodeAll(found, decodeAssignedAddress).filter((address) =>
      interfaceIndex === undefined || address.interfaceIndex === interfaceIndex
    );
  }

  /** Gives an interface an address. EEXIST: it has it. */
  addAddress(interfaceIndex: number, address: InterfaceAddress): void {
    const operation = `add address ${address.address}/${address.prefixLength}`;
    this.#socket.execute(operation, newAddress(interfaceIndex, address));
  }

  /** Takes an address from an interface. EADDRNOTAVAIL: it has none such. */
  removeAddress(interfaceIndex: number, address: InterfaceAddress): void {
    const operation = `remove address ${address.address}/${address.prefixLength}`;
    this.#socket.execute(operation, deleteAddress(interfaceIndex, address));
  }

  /** The routes of both families, all or those that the filter asks for. */
  routes(filter: RouteFilter = {}): Route[] {
    return this.#dumpFamilies("list routes", (family) => listRoutes(family, filter), decodeRoute)
      .filter((route) => matchesRoute(filter, route));
  }

  /**
   * Adds routes. None takes the place of one that is there.
   *
   * @returns those that the kernel refused: EEXIST where the destination has a route already.
   */
  addRoutes(routes: readonly Route[]): RouteRefusal[] {
    return this.#batch("add route", routes, newRoute);
  }

  /** Removes routes. @returns those that the kernel refused: ESRCH where there is none such. */
  removeRoutes(routes: readonly Route[]): RouteRefusal[] {
    return this.#batch("remove route", routes, deleteRoute);
  }

  /**
   * The route that a packet of this machine to that address takes; its destination is that address
   * alone, but for a route as configured. Undefined if there is none, or one that forbids it.
   */
  routeTo(address: IpAddress, how: LookUp = {}): Route | undefined {
    try {
      const answers = this.#socket.execute(`find route to ${address}`, lookUpRoute(address, how));
      return decodeAll(answers, (message) => decodeRoute(message, { cloned: true }))[0];
    } catch (error) {
      if (error instanceof SystemError && NO_ROUTE.has(error.errno)) return undefined;
      throw error;
    }
  }

  /** The rules of both families. */
  rules(): Rule[] {
    return this.#dumpFamilies("list rules", listRules, decodeRule);
  }

  /** Adds a rule. EEXIST: there is one like it. */
  addRule(rule: Rule): void {
    this.#socket.execute(`add rule ${rule.priority}`, newRule(rule));
  }

  /** Removes a rule. ENOENT: there is none such. */
  removeRule(rule: Rule): void {
    this.#socket.execute(`remove rule ${rule.priority}`, deleteRule(rule));
  }

  #batch(
    operation: string,
    routes: readonly Route[],
    encode: (route: Route) => NetlinkRequest,
  ): RouteRefusal[] {
    const refusals = this.#socket.batch(operation, routes.map(encode));
    return routes.flatMap((route, at) => {
      const refusal = refusals[at];
      if (refusal === undefined) return [];
      const named = `${operation} ${route.destination}`;
      return [{ route, error: new SystemError(named, refusal.errno, refusal.detail) }];
    });
  }

  #dumpFamilies<T>(
    operation: string,
    request: (family: IpFamily) => NetlinkRequest,
    decode: (message: NetlinkMessage) => T | undefined,
  ): T[] {
    return FAMILIES.flatMap((family) => {
      const dump = () => this.#socket.dump(operation, request(family));
      return decodeAll(unlessMissing(dump) ?? [], decode);
    });
  }
}

/** What the kernel answers where no route, or one of type unreachable, prohibit or blackhole, is found. */
const NO_ROUTE = new Set<number>([
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.EACCES,
  ERRNO.EINVAL,
  ERRNO.EAFNOSUPPORT,
  ERRNO.EOPNOTSUPP,
]);

function decodeAll<T>(
  messages: readonly NetlinkMessage[],
  decode: (message: NetlinkMessage) => T | undefined,
): T[] {
  return messages.flatMap((message) => decode(message) ?? []);
}

/** Undefined if it is not there: a link, a table, or a whole family (a kernel without IPv6). */
function unlessMissing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const absent = error instanceof SystemError &&
      (error.isMissing || error.errno === ERRNO.EAFNOSUPPORT);
    if (absent) return undefined;
    throw error;
  }
}
