import { addressFromBytes, type IpAddress, type IpFamily } from "../ip/address.ts";
import { bitsOf } from "../ip/cidr.ts";
import { malformed } from "./system_error.ts";

/** The kernel's numbers of the address families: AF_INET and AF_INET6. */
export const ADDRESS_FAMILY: Readonly<Record<IpFamily, number>> = { 4: 2, 6: 10 };

/** The family of the kernel's number; undefined for what is not IP. */
export function ipFamily(number: number): IpFamily | undefined {
  return number === ADDRESS_FAMILY[4] ? 4 : number === ADDRESS_FAMILY[6] ? 6 : undefined;
}

/** The address of an attribute's bytes. @throws {SystemError} EBADMSG if it has another family's length. */
export function decodeAddress(family: IpFamily, bytes: Uint8Array): IpAddress {
  if (8 * bytes.length !== bitsOf(family)) throw malformed(`address of ${bytes.length} bytes`);
  return addressFromBytes(bytes);
}
