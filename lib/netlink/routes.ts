import { addressBytes, familyOf, type IpAddress, type IpFamily } from "../ip/address.ts";
import { bitsOf, type Cidr, cidrParts, networkOf } from "../ip/cidr.ts";
import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import { ADDRESS_FAMILY, decodeAddress, ipFamily } from "./family.ts";
import { FLAG, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { malformed } from "./system_error.ts";

/** One way onwards. */
export interface NextHop {
  readonly interfaceIndex?: number;
  readonly gateway?: IpAddress;
}

/** A route. The kernel's numbers are those of linux/rtnetlink.h. */
export interface Route extends NextHop {
  readonly destination: Cidr;
  /** 254 is `main`, 255 `local`. */
  readonly table: number;
  /** Who made it: 2 the kernel, 4 an administrator. */
  readonly protocol: number;
  /** Absent: what fits (IPv4 without a gateway: link, else universe). */
  readonly scope?: number;
  /** Absent: 1, unicast. */
  readonly type?: number;
  readonly preferredSource?: IpAddress;
  /** The metric. Lower wins; IPv6 has 1024 where none is given. */
  readonly priority?: number;
  /** In place of one way, where it has several. Only read, never written. */
  readonly nextHops?: readonly NextHop[];
  /** The largest packet, in bytes, where the route says one. Only read, never written. */
  readonly mtu?: number;
  /** That the kernel was told of that MTU on the way (RFC 1191, RFC 8201) and will forget it again. */
  readonly isLearned?: boolean;
}

/** Numbers that callers need. */
export const ROUTE_PROTOCOL = { KERNEL: 2, ROUTER_ADVERTISEMENT: 9 } as const;
export const ROUTE_TABLE = { MAIN: 254, LOCAL: 255 } as const;
export const ROUTE_TYPE = { UNICAST: 1, LOCAL: 2 } as const;

/** Which routes to read; what is absent matters not. */
export interface RouteFilter {
  readonly table?: number;
  readonly protocol?: number;
  readonly interfaceIndex?: number;
}

/** Message types. */
const NEW_ROUTE = 24;
const DELETE_ROUTE = 25;
const GET_ROUTE = 26;
/** Attributes. */
const DESTINATION = 1;
const OUT_INTERFACE = 4;
const GATEWAY = 5;
const PRIORITY = 6;
const PREFERRED_SOURCE = 7;
const METRICS = 8;
const MULTIPATH = 9;
const CACHE_INFO = 12;
const TABLE = 15;
const MARK = 16;
const VIA = 18;
/** Within the metrics: RTAX_MTU. */
const MTU = 2;
/** struct rta_cacheinfo: where its time of expiry is. */
const EXPIRY_OFFSET = 8;
/** struct rtmsg, and struct rtnexthop. */
const HEADER_BYTES = 12;
const NEXT_HOP_BYTES = 8;
const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
const SCOPE_HOST = 254;
const SCOPE_NOWHERE = 255;
const FLAG_CLONED = 0x200;
const FLAG_LOOKUP_TABLE = 0x1000;
const FLAG_FIB_MATCH = 0x2000;

/** Asks for routes of a family, if sent as a dump. Old kernels ignore the filter: filter again. */
export function listRoutes(family: IpFamily, filter: RouteFilter): NetlinkRequest {
  const body = header({ family, table: filter.table ?? 0, protocol: filter.protocol ?? 0 });
  if ((filter.table ?? 0) > 0xff) body.u32(TABLE, filter.table!);
  if (filter.interfaceIndex !== undefined) body.u32(OUT_INTERFACE, filter.interfaceIndex);
  return { type: GET_ROUTE, flags: 0, body: body.bytes() };
}

/** Whether a route is one of those that the filter asks for. */
export function matchesRoute(filter: RouteFilter, route: Route): boolean {
  if (filter.table !== undefined && filter.table !== route.table) return false;
  if (filter.protocol !== undefined && filter.protocol !== route.protocol) return false;
  return filter.interfaceIndex === undefined || filter.interfaceIndex === route.interfaceIndex ||
    (route.nextHops ?? []).some((hop) => hop.interfaceIndex === filter.interfaceIndex);
}

/** Adds a route; refused (EEXIST) if there is one to that destination: never does it take another's place. */
export function newRoute(route: Route): NetlinkRequest {
  const { family } = cidrParts(route.destination);
  const local = route.type === ROUTE_TYPE.LOCAL;
  const direct = family === 4 && route.gateway === undefined;
  const fitting = direct ? (local ? SCOPE_HOST : SCOPE_LINK) : SCOPE_UNIVERSE;
  const body = describe(route, route.type ?? ROUTE_TYPE.UNICAST, route.scope ?? fitting);
  return { type: NEW_ROUTE, flags: FLAG.CREATE | FLAG.EXCLUSIVE, body };
}

/** Removes the route that has all that is given here. */
export function deleteRoute(route: Route): NetlinkRequest {
  const body = describe(route, route.type ?? 0, route.scope ?? SCOPE_NOWHERE);
  return { type: DELETE_ROUTE, flags: 0, body };
}

/** How {@linkcode lookUpRoute} looks. */
export interface LookUp {
  /** The mark of the packet; 0 is none. */
  readonly mark?: number;
  /** Asks for the route as it was configured, rather than for what was made of it for that address. */
  readonly configured?: boolean;
}

/** Asks which route a packet to that address takes. */
export function lookUpRoute(
  address: IpAddress,
  { mark = 0, configured = false }: LookUp = {},
): NetlinkRequest {
  const family = familyOf(address);
  // IPv6 tells the table in any case.
  const flags = (family === 4 ? FLAG_LOOKUP_TABLE : 0) | (configured ? FLAG_FIB_MATCH : 0);
  const body = header({ family, length: bitsOf(family), flags });
  body.data(DESTINATION, addressBytes(address));
  if (mark !== 0) body.u32(MARK, mark);
  return { type: GET_ROUTE, flags: 0, body: body.bytes() };
}

/**
 * Reads a route. Undefined if the message is about something else, or a copy that the kernel made
 * for one destination. @throws {SystemError} EBADMSG.
 */
export function decodeRoute(
  { type, body }: NetlinkMessage,
  { cloned = false } = {},
): Route | undefined {
  if (type !== NEW_ROUTE) return undefined;
  const view = fixedHeader(body, HEADER_BYTES);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return undefined;
  const isCloned = (view.getUint32(8, true) & FLAG_CLONED) !== 0;
  if (isCloned && !cloned) return undefined;
  const prefixLength = view.getUint8(1);
  if (prefixLength > bitsOf(family)) throw malformed(`prefix length ${prefixLength}`);
  const found: { -readonly [K in keyof Route]?: Route[K] } = {};
  let address = (family === 4 ? "0.0.0.0" : "::") as IpAddress;
  let table = view.getUint8(4);
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    switch (attributes.type) {
      case DESTINATION:
        address = decodeAddress(family, attributes.data());
        break;
      case TABLE:
        table = attributes.u32();
        break;
      case PREFERRED_SOURCE:
        found.preferredSource = decodeAddress(family, attributes.data());
        break;
      case PRIORITY:
        found.priority = attributes.u32();
        break;
      case METRICS: {
        const mtu = decodeMtu(attributes.nested());
        if (mtu !== undefined) found.mtu = mtu;
        break;
      }
      case CACHE_INFO:
        if (isCloned && expires(attributes.data())) found.isLearned = true;
        break;
      case MULTIPATH:
        found.nextHops = decodeNextHops(family, attributes.data());
        break;
      default:
        decodeNextHop(family, attributes, found);
    }
  }
  return {
    destination: networkOf({ address, prefixLength }),
    table,
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    ...found,
  };
}

function decodeMtu(metrics: Decoder): number | undefined {
  while (metrics.next()) {
    if (metrics.type === MTU) return metrics.u32();
  }
  return undefined;
}

function expires(cacheInfo: Uint8Array): boolean {
  return fixedHeader(cacheInfo, EXPIRY_OFFSET + 4).getInt32(EXPIRY_OFFSET, true) !== 0;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function decodeNextHop(family: IpFamily, attributes: Decoder, into: Writable<NextHop>): void {
  switch (attributes.type) {
    case OUT_INTERFACE:
      into.interfaceIndex = attributes.u32();
      break;
    case GATEWAY:
      into.gateway = decodeAddress(family, attributes.data());
      break;
    case VIA: { // struct rtvia: a gateway of the other family
      const other = attributes.data();
      const otherFamily = ipFamily(fixedHeader(other, 2).getUint16(0, true));
      if (otherFamily) into.gateway = decodeAddress(otherFamily, other.subarray(2));
      break;
    }
  }
}

/** struct rtnexthop, each with attributes of its own. */
function decodeNextHops(family: IpFamily, bytes: Uint8Array): NextHop[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: NextHop[] = [];
  for (let at = 0; at + NEXT_HOP_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < NEXT_HOP_BYTES || at + length > bytes.length) {
      throw malformed(`next hop of ${length} bytes`);
    }
    const hop: Writable<NextHop> = { interfaceIndex: view.getInt32(at + 4, true) };
    const attributes = new Decoder(bytes.subarray(at, at + length), NEXT_HOP_BYTES);
    while (attributes.next()) decodeNextHop(family, attributes, hop);
    hops.push(hop);
    at += (length + 3) & ~3;
  }
  return hops;
}

function describe(route: Route, type: number, scope: number): Uint8Array {
  const { address, prefixLength, family } = cidrParts(route.destination);
  const { table, protocol, gateway, interfaceIndex, preferredSource, priority } = route;
  const body = header({ family, length: prefixLength, table, protocol, scope, type });
  if (prefixLength > 0) body.data(DESTINATION, addressBytes(address));
  if (gateway !== undefined) body.data(GATEWAY, addressBytes(gateway));
  if (preferredSource !== undefined) body.data(PREFERRED_SOURCE, addressBytes(preferredSource));
  if (interfaceIndex !== undefined) body.u32(OUT_INTERFACE, interfaceIndex);
  if (priority !== undefined) body.u32(PRIORITY, priority);
  if (table > 0xff) body.u32(TABLE, table);
  return body.bytes();
}

interface Header {
  readonly family: IpFamily;
  readonly length?: number;
  readonly table?: number;
  readonly protocol?: number;
  readonly scope?: number;
  readonly type?: number;
  readonly flags?: number;
}

/** struct rtmsg. A table above 255 is told by its attribute. */
function header(
  { family, length = 0, table = 0, protocol = 0, scope = 0, type = 0, flags = 0 }: Header,
): Encoder {
  return new Encoder().raw8(ADDRESS_FAMILY[family]).raw8(length).raw8(0).raw8(0)
    .raw8(table > 0xff ? 0 : table).raw8(protocol).raw8(scope).raw8(type).raw32(flags);
}
