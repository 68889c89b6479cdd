import { addressBytes, type IpFamily } from "../ip/address.ts";
import { bitsOf, type Cidr, cidrParts } from "../ip/cidr.ts";

interface Span<Owner> {
  readonly first: bigint;
  readonly last: bigint;
  readonly cidr: Cidr;
  readonly owner: Owner;
}

/**
 * Networks of which no two of different owners overlap, found by their place in a sorted list: one
 * binary search a question, however many there are.
 */
export class DisjointCidrs<Owner> {
  readonly #spans: Record<IpFamily, Span<Owner>[]> = { 4: [], 6: [] };

  /** Adds a network, unless another owner holds a part of it: then that holding is returned. */
  add(cidr: Cidr, owner: Owner): { cidr: Cidr; owner: Owner } | undefined {
    const span = spanOf(cidr, owner);
    const spans = this.#spans[cidrParts(cidr).family];
    const start = firstEndingAtOrAfter(spans, span.first);
    let end = start;
    for (; end < spans.length && spans[end]!.first <= span.last; end++) {
      const held = spans[end]!;
      if (held.owner !== owner) return held;
      // The owner's own wider network holds this one already.
      if (held.first <= span.first && held.last >= span.last) return undefined;
    }
    spans.splice(start, end - start, span);
    return undefined;
  }

  /** A network that shares an address with this one, and its owner. */
  overlapping(cidr: Cidr): { cidr: Cidr; owner: Owner } | undefined {
    const { first, last } = spanOf(cidr, undefined);
    const spans = this.#spans[cidrParts(cidr).family];
    const held = spans[firstEndingAtOrAfter(spans, first)];
    return held && held.first <= last ? held : undefined;
  }

  /** The networks of each owner, those within another of the same owner left out. */
  byOwner(): Map<Owner, Cidr[]> {
    const cidrs = new Map<Owner, Cidr[]>();
    for (const { cidr, owner } of [...this.#spans[4], ...this.#spans[6]]) {
      const known = cidrs.get(owner);
      if (known) known.push(cidr);
      else cidrs.set(owner, [cidr]);
    }
    return cidrs;
  }
}

function spanOf<Owner>(cidr: Cidr, owner: Owner): Span<Owner> {
  const { address, prefixLength, family } = cidrParts(cidr);
  let first = 0n;
  for (const byte of addressBytes(address)) first = (first << 8n) | BigInt(byte);
  return { first, last: first + (1n << BigInt(bitsOf(family) - prefixLength)) - 1n, cidr, owner };
}

function firstEndingAtOrAfter(spans: readonly Span<unknown>[], address: bigint): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle]!.last < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
