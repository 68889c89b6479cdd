/** How a check went: `skipped` is one that could not be made, and says why. */
export type Outcome = "ok" | "warning" | "failed" | "skipped";

/** What a check has found, in a sentence without a full stop, and what to do about it. */
export interface Finding {
  readonly outcome: Outcome;
  readonly found: string;
  /** What to type or to change; absent where there is nothing to do. */
  readonly remedy?: string;
}

/** A check of `doctor`, made. */
export interface CheckResult extends Finding {
  /** A word or two, the same in every version: programs may look for it. */
  readonly name: string;
}

/** All is as it should be. */
export function ok(found: string): Finding {
  return { outcome: "ok", found };
}

/** The tunnel can work, but something will not, or not always. */
export function warning(found: string, remedy?: string): Finding {
  return { outcome: "warning", found, ...(remedy !== undefined && { remedy }) };
}

/** Something cannot work as it is. */
export function failed(found: string, remedy?: string): Finding {
  return { outcome: "failed", found, ...(remedy !== undefined && { remedy }) };
}

/** It could not be looked at. */
export function skipped(found: string): Finding {
  return { outcome: "skipped", found };
}
