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
  if (FOUR_DECIMALS.test(text)) return text as IpAddress;
  const hexadecimal = withoutDottedTail(text);
  if (hexadecimal === undefined || !ipaddr.IPv6.isValid(hexadecimal)) return undefined;
  return addressFromWords(ipaddr.IPv6.parse(hexadecimal).parts);
}

/**
 * Four numbers of 0 to 255 without leading zeros. Not the library's check: it throws and catches for
 * each text that is none, and that costs twenty times as much as all the rest.
 */
const FOUR_DECIMALS = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * `64:ff9b::192.0.2.1` as `64:ff9b::c000:201`. Done here, for the library reads the dotted part of
 * such an address with octal numbers, and `::192.0.2.1` as a mapped one.
 */
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes(":") || text.includes("%")) return undefined;
  if (!text.includes(".")) return text;
  const end = text.lastIndexOf(":") + 1;
  const tail = parseAddress(text.slice(end));
  if (tail === undefined) return undefined;
  return text.slice(0, end) + addressWords(tail).map((word) => word.toString(16)).join(":");
}

/** The family of a canonical address. */
export function familyOf(address: IpAddress): IpFamily {
  return address.includes(":") ? 6 : 4;
}

/** The address in network byte order: 4 or 16 bytes. */
export function addressBytes(address: IpAddress): Uint8Array<ArrayBuffer> {
  const words = addressWords(address);
  const bytes = new Uint8Array(2 * words.length);
  for (let i = 0; i < words.length; i++) {
    bytes[2 * i] = words[i]! >> 8;
    bytes[2 * i + 1] = words[i]!;
  }
  return bytes;
}

/**
 * The address as 2 or 8 numbers of 16 bits, the most significant first. Canonical text is easy to
 * read, and tens of thousands are read whenever many peers are judged: far faster than the library,
 * which must expect every form.
 */
export function addressWords(address: IpAddress): number[] {
  if (familyOf(address) === 4) {
    const number = addressNumber(address);
    return [number >>> 16, number & 0xffff];
  }
  const groups = address.split(":");
  const gap = groups.indexOf(""); // where `::` stands
  const words = groups.filter((group) => group !== "").map((group) => parseInt(group, 16));
  if (gap >= 0) words.splice(gap, 0, ...new Array<number>(8 - words.length).fill(0));
  return words;
}

/** An IPv4 address as one number of 32 bits, with or without what follows a `/`. */
export function addressNumber(text: string): number {
  let number = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === SLASH) break;
    if (code === DOT) {
      number = number << 8 | part;
      part = 0;
    } else part = 10 * part + code - ZERO;
  }
  return (number << 8 | part) >>> 0;
}

const [DOT, SLASH, ZERO] = [0x2e, 0x2f, 0x30];

/**
 * The address of 4 or 16 bytes in network byte order.
 *
 * @throws {RangeError} for any other length.
 */
export function addressFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) { // not join: a dump of a device has thousands of these
    return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as IpAddress;
  }
  if (bytes.length === 16) {
    const words = new Array<number>(8);
    for (let i = 0; i < 8; i++) words[i] = bytes[2 * i]! << 8 | bytes[2 * i + 1]!;
    return addressFromWords(words);
  }
  throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** The canonical text of 2 or 8 words. RFC 5952: the longest run of zeros, of two or more, is `::`. */
export function addressFromWords(words: readonly number[]): IpAddress {
  if (words.length === 2) {
    const [high, low] = words as [number, number];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}` as IpAddress;
  }
  let start = 0;
  let length = 1;
  let run = 0;
  for (let i = 0; i < words.length; i++) {
    run = words[i] === 0 ? run + 1 : 0;
    if (run > length) [start, length] = [i + 1 - run, run];
  }
  const groups = words.map((word) => word.toString(16));
  if (length === 1) return groups.join(":") as IpAddress;
  const [before, after] = [groups.slice(0, start), groups.slice(start + length)];
  return `${before.join(":")}::${after.join(":")}` as IpAddress;
}

/** `::ffff:192.0.2.1` as `192.0.2.1`; any other address as it is. */
export function unmapAddress(address: IpAddress): IpAddress {
  if (familyOf(address) === 4) return address;
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() as IpAddress : address;
}
