import { assertEquals, assertMatch } from "@std/assert";
import type { Finding, Outcome } from "../../lib/doctor/finding.ts";

/** How a check is to go, a part of what it finds, and a part of what to type; without that, nothing. */
export type Expected = readonly [outcome: Outcome, found: RegExp, remedy?: RegExp];

/** Checks a finding, and that what is wrong comes with something to do. */
export function expectFinding(finding: Finding, [outcome, found, remedy]: Expected): void {
  assertEquals(finding.outcome, outcome, finding.found);
  assertMatch(finding.found, found);
  if (remedy) assertMatch(finding.remedy ?? "", remedy);
  else assertEquals(finding.remedy, undefined);
}

/** One case after the other: what differs from the facts that are well, and how the check goes then. */
export function expectFindings<Facts>(
  check: (facts: Facts) => Finding,
  well: Facts,
  cases: readonly (readonly [differing: Partial<Facts>, expected: Expected])[],
): void {
  for (const [differing, expected] of cases) {
    expectFinding(check({ ...well, ...differing }), expected);
  }
}
