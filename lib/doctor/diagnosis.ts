import type { CheckResult, Finding, Outcome } from "./finding.ts";

/** What `doctor` tells. */
export interface Diagnosis {
  readonly program: "hub" | "spoke";
  /** The Node that this machine is. */
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly checks: readonly CheckResult[];
}

/** The findings under their names, in their order. */
export function namedChecks(findings: Readonly<Record<string, Finding>>): CheckResult[] {
  return Object.entries(findings).map(([name, finding]) => ({ name, ...finding }));
}

/** How many checks went so. */
export function countOf({ checks }: Diagnosis, outcome: Outcome): number {
  return checks.filter((check) => check.outcome === outcome).length;
}
