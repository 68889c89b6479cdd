/** What must hold at every step. The texts are the names of the tests. */
export const INVARIANTS = {
  owner: "no prefix is ever a peer's whose Node was never entitled to it",
  bounds: "the interface never has the hub's own key, or a prefix outside the bounds, as a peer's",
  kept: "an admitted prefix is never without its owner while its Node stands and asks for it",
  gap: "a prefix that moves from one peer to another is never without an owner",
  listed: "nothing is removed before a process has had a whole list",
  requests: "requests stay within their bound in every minute",
  secret: "no private key is ever in a log line or a request",
  converged: "once the faults stop, the interface is what a fresh judgement says",
  published: "once the faults stop, the hub's Node says what it should",
} as const;

/** The name of one of them. */
export type Invariant = keyof typeof INVARIANTS;

/** Something that must never be has been. */
export class Violation extends Error {
  override name = "Violation";
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(message);
    this.invariant = invariant;
  }
}
