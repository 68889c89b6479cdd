import type { HubStatus } from "../../status/status_report.ts";
import { failed, type Finding, ok, skipped, warning } from "../finding.ts";

/** One hub serves all. @param hubs as `status` shows them; undefined if the API did not tell. */
export function checkHubs(hubs: readonly HubStatus[] | undefined, label: string): Finding {
  if (!hubs) return skipped("the API did not tell");
  if (hubs.length === 0) {
    return failed("no Node is labelled as a hub", `kubectl label node NAME ${label}=true`);
  }
  const names = hubs.map(({ node, ready }) => ready ? node : `${node} (not Ready)`);
  const active = hubs.find((hub) => hub.active);
  if (!active) {
    return failed(
      `${names.join(", ")}: none has published key and endpoint`,
      "see hub doctor there: kubectl -n wireguard-kube exec daemonset/wireguard-hub -- hub doctor",
    );
  }
  if (!active.ready) {
    return warning(`${active.node}, which is not Ready`, `kubectl describe node ${active.node}`);
  }
  if (hubs.length === 1) return ok(active.node);
  const others = hubs.filter((hub) => !hub.active).map(({ node }) => node);
  return warning(
    `${names.join(", ")} are labelled as hubs: ${active.node} serves, ${
      others.join(", ")
    } stands by`,
    `unless that is meant: kubectl label node ${others[0]} ${label}-`,
  );
}
