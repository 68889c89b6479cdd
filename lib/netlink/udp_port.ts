import { bindSocket, type Bytes, closeDescriptor, openSocket, setSocketOption } from "./libc.ts";
import { ERRNO, SystemError } from "./system_error.ts";
import { ADDRESS_FAMILY } from "./family.ts";
import type { IpFamily } from "../ip/address.ts";

const SOCK_DGRAM = 2;
/** Level and option of ipv6(7): IPv4 is asked for apart. */
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** sizeof struct sockaddr_in and sockaddr_in6. */
const ADDRESS_BYTES: Readonly<Record<IpFamily, number>> = { 4: 16, 6: 28 };

/**
 * Whether a socket has that UDP port on any address of this network namespace. It is found out by
 * taking the port, and giving it back at once.
 */
export function isUdpPortTaken(port: number): boolean {
  return isTaken(4, port) || isTaken(6, port);
}

function isTaken(family: IpFamily, port: number): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSocket(ADDRESS_FAMILY[family], SOCK_DGRAM, 0);
    if (family === 6) setSocketOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bindSocket(descriptor, anyAddress(family, port));
    return false;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === ERRNO.EADDRINUSE) return true;
    if (error.isUnsupported || error.isMissing) return false; // a machine without that family
    throw error;
  } finally {
    if (descriptor !== undefined) closeDescriptor(descriptor);
  }
}

/** The sockaddr of all addresses of that family. */
function anyAddress(family: IpFamily, port: number): Bytes {
  const view = new DataView(new ArrayBuffer(ADDRESS_BYTES[family]));
  view.setUint16(0, ADDRESS_FAMILY[family], true);
  view.setUint16(2, port);
  return new Uint8Array(view.buffer);
}
