/**
 * Why something is refused, for machines: a small closed set, to count by.
 *
 * | code | |
 * |---|---|
 * | malformed | it cannot be read |
 * | too-many | a Node asks for more prefixes than one may have |
 * | special-purpose | a network that is never a peer's: loopback, link-local, multicast … |
 * | out-of-bounds | outside the networks in which peers may claim prefixes |
 * | own | this machine's own key or address |
 * | route | the hub reaches it by another interface |
 * | hub | a hub says it of itself: its Node is no peer of another hub |
 * | neighbour | a next hop, the API server or a name server |
 * | node | the address of a Node that is not a peer |
 * | endpoint | the place at which a peer is reached |
 * | tunnel-network | an endpoint inside the tunnel's own network |
 * | pod-network | an endpoint inside a network of pods |
 * | held | another Node has it |
 * | kept | a Node had it that has only just gone |
 */
export const REFUSAL_CODES = [
  "malformed",
  "too-many",
  "special-purpose",
  "out-of-bounds",
  "own",
  "route",
  "hub",
  "neighbour",
  "node",
  "endpoint",
  "tunnel-network",
  "pod-network",
  "held",
  "kept",
] as const;

export type RefusalCode = typeof REFUSAL_CODES[number];

/** Why something cannot be had. */
export interface Fault {
  readonly code: RefusalCode;
  /** The same for people: what follows "it …". No time in it, or it would change with each look. */
  readonly reason: string;
}

/** What a Node asked for. */
interface Asked {
  readonly node: string;
  readonly subject: "public-key" | "allowed-ips" | "endpoint" | "vpc-ip";
  /** What was asked for, quoted and shortened: it is a stranger's text. */
  readonly value: string;
}

/** Something a Node asked for and does not get. */
export interface Refusal extends Asked, Fault {}

/** Something a Node gets, but otherwise than it was written: a prefix without its host bits. */
export interface Remark extends Asked {
  readonly code: "host-bits";
  /** As that of a {@linkcode Fault}. */
  readonly reason: string;
}

/** What a Node's owner should know of what the Node asks for. */
export type Notice = Refusal | Remark;

/** How many of these refusals bear each code; every code is there, also with none. */
export function refusalsByCode(
  refusals: readonly Pick<Refusal, "code">[],
): ReadonlyMap<RefusalCode, number> {
  const counts = new Map<RefusalCode, number>(REFUSAL_CODES.map((code) => [code, 0]));
  for (const { code } of refusals) counts.set(code, counts.get(code)! + 1);
  return counts;
}
