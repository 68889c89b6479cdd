/** Something that the owner of a Node should know. */
export interface NodeReport {
  readonly node: { readonly name: string; readonly uid: string };
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase, for machines. */
  readonly reason: string;
  /** One sentence, for people. */
  readonly message: string;
  /** What was being done when it came up, one word in CamelCase. */
  readonly action: string;
  /** The program, a qualified name such as `wireguard.kube/hub`, and which instance of it. */
  readonly reporter: string;
  readonly instance: string;
  readonly at: Date;
}

/** Nodes have no namespace: Events about them live in this one. */
export const EVENT_NAMESPACE = "default";

/** The longest note and instance that the API takes, in bytes of UTF-8. */
const NOTE_LENGTH = 1024;
const INSTANCE_LENGTH = 128;

/** The Event of group events.k8s.io/v1 that says it. Its name is made up by the server. */
export function eventOf(report: NodeReport): Record<string, unknown> {
  const { node, message } = report;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { generateName: "wg-kube-", namespace: EVENT_NAMESPACE },
    eventTime: report.at.toISOString().replace(/Z$/, "000Z"), // MicroTime has six digits
    type: report.type,
    reason: report.reason,
    action: report.action,
    note: shortened(message, NOTE_LENGTH),
    regarding: { apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid },
    reportingController: report.reporter,
    reportingInstance: shortened(report.instance, INSTANCE_LENGTH),
  };
}

/** As much of a text as fits into so many bytes, in whole characters. */
function shortened(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
