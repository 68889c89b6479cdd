import type { Refusal } from "../../contract/refusal.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/**
 * What Nodes ask for and do not get.
 *
 * @param refusals undefined if the API did not tell.
 * @param own the Node of a spoke: what the hub refuses of it, only the hub knows.
 */
export function checkRefusals(refusals: readonly Refusal[] | undefined, own?: string): Finding {
  if (!refusals) return skipped("the API did not tell");
  const [first] = refusals;
  if (!first) {
    return ok(
      own === undefined
        ? "nothing is refused"
        : `nothing is refused here; what the hub refuses: kubectl describe node ${own}`,
    );
  }
  return warning(
    nameSome(
      refusals.map(({ node, subject, value, reason }) => `${node}'s ${subject} ${value} ${reason}`),
    ),
    `see kubectl describe node ${first.node}, and mend what that machine publishes`,
  );
}
