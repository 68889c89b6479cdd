import type { HubChoice } from "../contract/active_hub.ts";
import type { NodeView } from "../contract/node.ts";
import type { HubStatus } from "./status_report.ts";

/** The hubs of a choice, the active one first, and how their Nodes do. */
export function hubsOf(
  { hub, labelled, claims }: HubChoice,
  nodes: readonly NodeView[],
): HubStatus[] {
  return labelled.map((name) => ({
    node: name,
    active: name === hub?.node,
    ready: nodes.find((node) => node.name === name)?.status?.ready ?? false,
    refusals: claims.find((claim) => claim.node === name)?.faults ?? [],
  }));
}
