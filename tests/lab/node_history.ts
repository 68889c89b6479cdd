import type { Cluster } from "./cluster.ts";

/** A Node as it was at some moment. */
export interface NodeVersion {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastHeartbeatTime: string;
    }[];
  };
}

/** The moment from which on {@linkcode nodeHistory} tells. */
export async function nodesNow({ admin }: Cluster): Promise<string> {
  const list = await admin.expect("GET", "/api/v1/nodes?limit=1") as {
    metadata: { resourceVersion: string };
  };
  return list.metadata.resourceVersion;
}

/**
 * Every version of a Node that any watcher has seen since then. The API server remembers the last
 * hundred changes at least, until it ends.
 *
 * @param since of {@linkcode nodesNow}.
 */
export async function nodeHistory(
  { admin }: Cluster,
  name: string,
  since: string,
): Promise<NodeVersion[]> {
  const query = new URLSearchParams({
    watch: "true",
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: since,
    timeoutSeconds: "1",
  });
  const { status, body } = await admin.request("GET", `/api/v1/nodes?${query}`);
  const lines = typeof body === "string" ? body.trim().split("\n") : [JSON.stringify(body)];
  if (status !== 200) throw new Error(`the Nodes' history: ${status} ${lines.join("\n")}`);
  const events = lines.map((line): { type: string; object: NodeVersion } => JSON.parse(line));
  const failed = events.find(({ type }) => type === "ERROR");
  if (failed) throw new Error(`the Nodes' history: ${JSON.stringify(failed.object)}`);
  return events.map(({ object }) => object);
}
