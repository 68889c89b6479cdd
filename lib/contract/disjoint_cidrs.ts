import { type IpFamily } from "../ip/address.ts";
import { type Cidr, cidrBounds } from "../ip/cidr.ts";

/** A network made ready for many comparisons: from its first address to its last. */
export interface Span {
  readonly cidr: Cidr;
  readonly family: IpFamily;
  /** As {@linkcode cidrBounds} has them. */
  readonly first: string;
  readonly last: string;
}

/** A network and who has it. */
export interface Holding<Owner> {
  readonly span: Span;
  readonly owner: Owner;
}

/** Makes a network ready for the questions below. */
export function spanOf(cidr: Cidr): Span {
  const { first, last } = cidrBounds(cidr);
  return { cidr, family: first.length === 2 ? 4 : 6, first, last };
}

/** The spans of lists seen before: a Node's list is the same object until the Node changes. */
const KNOWN = new WeakMap<readonly Cidr[], readonly Span[]>();

/** The spans of a list that is never changed; computed once for each list. */
export function spansOf(cidrs: readonly Cidr[]): readonly Span[] {
  const known = KNOWN.get(cidrs);
  if (known) return known;
  const spans = cidrs.map(spanOf);
  KNOWN.set(cidrs, spans);
  return spans;
}

/**
 * Networks of which no two of different owners overlap, found by their place in a sorted list: one
 * binary search a question, however many there are.
 */
export class DisjointCidrs<Owner> {
  readonly #holdings: Record<IpFamily, Holding<Owner>[]> = { 4: [], 6: [] };

  /** Adds a network, unless another owner holds a part of it: then that holding is returned. */
  add(span: Span, owner: Owner): Holding<Owner> | undefined {
    const holdings = this.#holdings[span.family];
    const start = firstEndingAtOrAfter(holdings, span.first);
    let end = start;
    for (; end < holdings.length && holdings[end]!.span.first <= span.last; end++) {
      const held = holdings[end]!;
      if (held.owner !== owner) return held;
      if (spanContains(held.span, span)) return undefined; // the owner's own wider network
    }
    holdings.splice(start, end - start, { span, owner });
    return undefined;
  }

  /** Takes a network away that was added, whole and as it was; nothing happens if it is not there. */
  remove({ cidr, family, first }: Span): void {
    const holdings = this.#holdings[family];
    const at = firstEndingAtOrAfter(holdings, first);
    if (holdings[at]?.span.cidr === cidr) holdings.splice(at, 1);
  }

  /** A network that shares an address with this one, and its owner. */
  overlapping({ family, first, last }: Span): Holding<Owner> | undefined {
    const holdings = this.#holdings[family];
    const held = holdings[firstEndingAtOrAfter(holdings, first)];
    return held && held.span.first <= last ? held : undefined;
  }

  /** The networks of each owner, those within another of the same owner left out. */
  byOwner(): Map<Owner, Cidr[]> {
    const cidrs = new Map<Owner, Cidr[]>();
    for (const { span, owner } of [...this.#holdings[4], ...this.#holdings[6]]) {
      const known = cidrs.get(owner);
      if (known) known.push(span.cidr);
      else cidrs.set(owner, [span.cidr]);
    }
    return cidrs;
  }
}

/** Whether `outer` holds all of `inner`, of the same family. */
export function spanContains(outer: Span, inner: Span): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

function firstEndingAtOrAfter(holdings: readonly Holding<unknown>[], address: string): number {
  let low = 0;
  let high = holdings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holdings[middle]!.span.last < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
