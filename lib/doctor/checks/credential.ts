import { printAge } from "../../status/print_quantity.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** From when to when something is valid: milliseconds since 1970. */
export interface Validity {
  readonly kind: "certificate" | "token";
  /** Absent where it does not say. */
  readonly from?: number;
  readonly until: number;
}

/** What has less than this part of its time left should have been renewed: kubelets do it before that. */
const LATE = 0.1;

/**
 * A credential must be valid, and be renewed in time.
 *
 * @param validity undefined if it does not say, or cannot be read.
 */
export function checkCredential(validity: Validity | undefined, time: number): Finding {
  if (!validity) return skipped("it does not say how long it is valid");
  const { kind, from, until } = validity;
  const date = new Date(until).toISOString().replace(/\.\d+Z$/, "Z");
  const remedy = kind === "certificate"
    ? "does the kubelet run, and may it renew its certificate? kubectl get csr; else join the machine anew"
    : "a pod's token is renewed by its kubelet: is that running? Else issue a new one";
  if (time > until) {
    return failed(`the ${kind} expired ${printAge(time - until)} ago, at ${date}`, remedy);
  }
  if (from !== undefined && time < from) {
    return failed(`the ${kind} is not valid yet`, "see the check of the clock");
  }
  const left = printAge(until - time);
  if (from !== undefined && until - time < LATE * (until - from)) {
    return warning(`the ${kind} expires in ${left}, at ${date}, and was not renewed`, remedy);
  }
  return ok(`the ${kind} is valid for ${left}, until ${date}`);
}
