import type { Refusal } from "../../contract/refusal.ts";
import { type Finding, ok, skipped, warning } from "../finding.ts";
import { nameSome } from "../name_some.ts";

/** What Nodes ask for and do not get. @param refusals undefined if the API did not tell. */
export function checkRefusals(refusals: readonly Refusal[] | undefined): Finding {
  if (!refusals) return skipped("the API did not tell");
  const [first] = refusals;
  if (!first) return ok("nothing is refused");
  return warning(
    nameSome(
      refusals.map(({ node, subject, value, reason }) => `${node}'s ${subject} ${value} ${reason}`),
    ),
    `see kubectl describe node ${first.node}, and mend what that machine publishes`,
  );
}
