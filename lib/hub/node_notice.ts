import type { Notice } from "../contract/refusal.ts";
import type { NodeReport } from "../kubernetes/node_report.ts";

/** Something that the owner of a Node should know, as an Event tells it. */
export interface NodeNotice extends Pick<NodeReport, "type" | "reason" | "message" | "action"> {
  readonly node: string;
  /** True: it is told once. Else it is told again about every hour while it lasts. */
  readonly once?: boolean;
}

/** What a hub refuses a Node, or reads otherwise than it is written. */
export function refusalNotice(
  { node, code, subject, value, reason }: Notice,
  hub: string,
): NodeNotice {
  const what = `${subject} ${value}: ${reason}`;
  const told = code === "host-bits"
    ? { type: "Normal", reason: "ClaimMasked", message: `hub ${hub} masks ${what}` } as const
    : { type: "Warning", reason: "ClaimRefused", message: `hub ${hub} refuses ${what}` } as const;
  return { node, ...told, action: "Admit" };
}
