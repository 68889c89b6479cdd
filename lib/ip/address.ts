import ipaddr from "ipaddr.js";

/** An IPv4 or IPv6 address in canonical text: dotted decimal, or RFC 5952. Equal text is equal address. */
export type IpAddress = string & { readonly canonicalAddress: unique symbol };

/** 4 or 6. */
export type IpFamily = 4 | 6;

/**
 * Parses an address. IPv4 must be four decimal parts without leading zeros ("010" is octal to some
 * readers); an IPv6 zone (`%eth0`) is refused, since it means nothing on another machine. A mapped
 * IPv4 address stays IPv6: see {@linkcode unmapAddress}.
 *
 * @returns the canonical text, or undefined if it is no address.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined; // the longest legal form, and a bound on the parser's work
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return /(^|\.)0\d/.test(text) ? undefined : text as IpAddress;
  }
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toRFC5952String() as IpAddress;
}

/** The family of a canonical address. */
export function familyOf(address: IpAddress): IpFamily {
  return address.includes(":") ? 6 : 4;
}

/** The address in network byte order: 4 or 16 bytes. */
export function addressBytes(address: IpAddress): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

/**
 * The address of 4 or 16 bytes in network byte order.
 *
 * @throws {RangeError} for any other length.
 */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join(".") as IpAddress;
  if (bytes.length === 16) {
    return new ipaddr.IPv6(Array.from(bytes)).toRFC5952String() as IpAddress;
  }
  throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** `::ffff:192.0.2.1` as `192.0.2.1`; any other address as it is. */
export function unmapAddress(address: IpAddress): IpAddress {
  if (familyOf(address) === 4) return address;
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() as IpAddress : address;
}
