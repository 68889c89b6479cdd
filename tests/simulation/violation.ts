/** What must hold at every step. The texts are the names of the tests. */
export const INVARIANTS = {
  owner: "no prefix is ever a peer's whose Node was never entitled to it",
  bounds: "a hub never has its own key, or a prefix outside the bounds, as a peer's",
  kept: "an admitted prefix is never without its owner while its Node stands and asks for it",
  gap: "a prefix that moves from one peer to another is never without an owner",
  listed: "nothing is removed before a hub has had a whole list",
  retired: "a hub takes its interface away only where its label was taken away",
  hubless: "a spoke that had a hub is never without one",
  remembered: "a spoke that begins has the hub that it last knew, whatever the API does",
  requests: "requests stay within their bound in every minute",
  secret: "no private key is ever in a log line, a request, or a file that others can read",
  converged: "once the faults stop, every hub's interface is what a fresh judgement says",
  published: "once the faults stop, every Node says what it should",
  members: "a member's address leads into the tunnel for packets from it, and for no others",
  follows: "once the faults stop, every spoke has the active hub, and both sides have each other",
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
