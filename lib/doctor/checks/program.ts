import type { Standing } from "../../status/status_report.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** Whether the hub runs, and whether it is ready; its own reasons if not. */
export function checkProgram(standing: Standing | undefined): Finding {
  if (!standing) return skipped("the hub was not asked");
  const found = [standing.state, ...standing.reasons].join("; ");
  switch (standing.state) {
    case "ready":
    case "registered":
      return ok(found);
    case "not ready":
      return warning(
        found,
        "the log says more: kubectl -n wireguard-kube logs daemonset/wireguard-hub",
      );
    case "not running":
      return failed(
        found,
        "kubectl -n wireguard-kube get pods -o wide; is the Node labelled as a hub?",
      );
    default:
      return skipped(found);
  }
}
