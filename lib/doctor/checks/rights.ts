import { failed, type Finding, ok, skipped } from "../finding.ts";

/** Something that the program asks of the API, and whether it may. */
export interface Right {
  /** e.g. `list nodes`. */
  readonly what: string;
  /** Undefined if the API server did not say. */
  readonly allowed: boolean | undefined;
}

/** The credential must have the rights of `deploy/rbac.yaml`. */
export function checkRights(rights: readonly Right[]): Finding {
  const missing = rights.filter(({ allowed }) => allowed === false).map(({ what }) => what);
  if (missing.length > 0) {
    return failed(
      `may not ${missing.join(", ")}`,
      "kubectl apply -f deploy/rbac.yaml, as an administrator",
    );
  }
  const known = rights.filter(({ allowed }) => allowed);
  if (known.length === 0 || known.length < rights.length) {
    return skipped("the API server did not say what this credential may do");
  }
  return ok(`may ${known.map(({ what }) => what).join(", ")}`);
}
