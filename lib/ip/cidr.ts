import {
  addressFromWords,
  addressNumber,
  addressWords,
  familyOf,
  type IpAddress,
  type IpFamily,
  parseAddress,
} from "./address.ts";

/** A network in canonical text with its host bits zero, e.g. `10.0.0.0/8`. Equal text is equal network. */
export type Cidr = string & { readonly canonicalCidr: unique symbol };

/** An address together with the length of its network, as interfaces bear it, e.g. `100.96.0.2/32`. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  /** 0 to 32, or 0 to 128. */
  readonly prefixLength: number;
}

/** The number of bits of an address of that family. */
export function bitsOf(family: IpFamily): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/**
 * Parses `address/length`; a bare address stands for itself alone (`/32`, `/128`), as in wg(8).
 * Host bits are kept. No blanks are allowed around it.
 *
 * @returns undefined if it is neither.
 */
export function parseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = bitsOf(familyOf(address));
  if (slash < 0) return { address, prefixLength: bits };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bits) return undefined;
  return { address, prefixLength: Number(digits) };
}

/** Parses a CIDR or a bare address; host bits are masked. Undefined if it is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const parsed = parseInterfaceAddress(text);
  return parsed && networkOf(parsed);
}

/** The network of an interface's address: `100.96.0.2/12` → `100.96.0.0/12`. */
export function networkOf({ address, prefixLength }: InterfaceAddress): Cidr {
  if (prefixLength === bitsOf(familyOf(address))) return hostCidr(address);
  const words = addressWords(address);
  for (let i = prefixLength >> 4; i < words.length; i++) {
    words[i] = words[i]! & ~(0xffff >> Math.max(0, prefixLength - 16 * i));
  }
  return `${addressFromWords(words)}/${prefixLength}` as Cidr;
}

/** The network of that one address. */
export function hostCidr(address: IpAddress): Cidr {
  return `${address}/${bitsOf(familyOf(address))}` as Cidr;
}

/** The parts of a canonical CIDR. */
export function cidrParts(cidr: Cidr): InterfaceAddress & { readonly family: IpFamily } {
  const slash = cidr.indexOf("/");
  const address = cidr.slice(0, slash) as IpAddress;
  return { address, prefixLength: Number(cidr.slice(slash + 1)), family: familyOf(address) };
}

/**
 * The first and the last address of a network, as texts of 2 or 8 characters whose codes are the
 * words of the address: texts compare fast, and in the order of the addresses of one family.
 */
export function cidrBounds(cidr: Cidr): { readonly first: string; readonly last: string } {
  const { address, prefixLength } = cidrParts(cidr);
  const words = addressWords(address);
  const first = String.fromCharCode(...words);
  for (let i = prefixLength >> 4; i < words.length; i++) {
    words[i] = words[i]! | (0xffff >> Math.max(0, prefixLength - 16 * i));
  }
  return { first, last: String.fromCharCode(...words) };
}

/** Whether `outer` holds all of `inner` (equal networks hold each other). */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer === inner) return true;
  const isV6 = outer.includes(":");
  if (isV6 !== inner.includes(":") || lengthOf(outer) >= lengthOf(inner)) return false;
  if (!isV6) { // a shift by 32 would be one by 0
    const differing = addressNumber(outer) ^ addressNumber(inner);
    return lengthOf(outer) === 0 || differing >>> (32 - lengthOf(outer)) === 0;
  }
  const wide = cidrBounds(outer);
  const { first } = cidrBounds(inner);
  return wide.first <= first && first <= wide.last;
}

function lengthOf(cidr: Cidr): number {
  return Number(cidr.slice(cidr.indexOf("/") + 1));
}

/** Whether the two networks share an address. Networks nest or are disjoint: there is no third way. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrContains(a, b) || cidrContains(b, a);
}
