import { addressBytes, familyOf } from "../ip/address.ts";
import { bitsOf, type InterfaceAddress } from "../ip/cidr.ts";
import { Decoder, Encoder, fixedHeader } from "./attribute.ts";
import { ADDRESS_FAMILY, decodeAddress, ipFamily } from "./family.ts";
import { FLAG, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { malformed } from "./system_error.ts";

/** An address that an interface bears. */
export interface AssignedAddress extends InterfaceAddress {
  readonly interfaceIndex: number;
}

/** Message types (linux/rtnetlink.h). */
const NEW_ADDRESS = 20;
const DELETE_ADDRESS = 21;
const GET_ADDRESS = 22;
/** Attributes (linux/if_addr.h): with a peer, ADDRESS is the other end's. */
const ADDRESS = 1;
const LOCAL = 2;
/** struct ifaddrmsg. */
const HEADER_BYTES = 8;
const SCOPE_UNIVERSE = 0;
const SCOPE_HOST = 254;

/** Asks for the addresses of an interface (0: of all), if sent as a dump. */
export function listAddresses(interfaceIndex: number): NetlinkRequest {
  const body = header(0, 0, SCOPE_UNIVERSE, interfaceIndex);
  return { type: GET_ADDRESS, flags: 0, body: body.bytes() };
}

/** Gives an interface an address. */
export function newAddress(interfaceIndex: number, address: InterfaceAddress): NetlinkRequest {
  const body = describe(interfaceIndex, address);
  return { type: NEW_ADDRESS, flags: FLAG.CREATE | FLAG.EXCLUSIVE, body };
}

/** Takes an address from an interface. */
export function deleteAddress(interfaceIndex: number, address: InterfaceAddress): NetlinkRequest {
  return { type: DELETE_ADDRESS, flags: 0, body: describe(interfaceIndex, address) };
}

/** Reads an address. Undefined if the message is about something else. @throws {SystemError} EBADMSG. */
export function decodeAssignedAddress(
  { type, body }: NetlinkMessage,
): AssignedAddress | undefined {
  if (type !== NEW_ADDRESS) return undefined;
  const view = fixedHeader(body, HEADER_BYTES);
  const family = ipFamily(view.getUint8(0));
  if (family === undefined) return undefined;
  const prefixLength = view.getUint8(1);
  if (prefixLength > bitsOf(family)) throw malformed(`prefix length ${prefixLength}`);
  let own: Uint8Array | undefined;
  const attributes = new Decoder(body, HEADER_BYTES);
  while (attributes.next()) {
    // IPv6 addresses without a peer have ADDRESS alone.
    if (attributes.type === LOCAL) own = attributes.data();
    if (attributes.type === ADDRESS) own ??= attributes.data();
  }
  if (own === undefined) throw malformed("address message without an address");
  return {
    interfaceIndex: view.getUint32(4, true),
    address: decodeAddress(family, own),
    prefixLength,
  };
}

function describe(
  interfaceIndex: number,
  { address, prefixLength }: InterfaceAddress,
): Uint8Array {
  const family = familyOf(address);
  const bytes = addressBytes(address);
  const loopback = family === 4 && bytes[0] === 127;
  const scope = loopback ? SCOPE_HOST : SCOPE_UNIVERSE;
  return header(ADDRESS_FAMILY[family], prefixLength, scope, interfaceIndex)
    .data(LOCAL, bytes).data(ADDRESS, bytes).bytes();
}

/** struct ifaddrmsg. */
function header(
  family: number,
  prefixLength: number,
  scope: number,
  interfaceIndex: number,
): Encoder {
  return new Encoder().raw8(family).raw8(prefixLength).raw8(0).raw8(scope).raw32(interfaceIndex);
}
