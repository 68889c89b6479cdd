import type { ApiClient } from "./api_client.ts";

export interface NodeOptions {
  readonly internalIPs?: readonly string[];
  readonly externalIPs?: readonly string[];
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly podCIDR?: string;
  /** Whether the Node's condition Ready is true, as it is unless told. */
  readonly ready?: boolean;
}

/**
 * Registers a Node as a kubelet does: the object first, its addresses and conditions by its status.
 * The client is the administrator's or the Node's own kubelet's.
 */
export async function createNode(
  client: ApiClient,
  name: string,
  options: NodeOptions = {},
): Promise<void> {
  await client.expect("POST", "/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", ...options.labels },
      annotations: options.annotations ?? {},
    },
    spec: options.podCIDR === undefined
      ? {}
      : { podCIDR: options.podCIDR, podCIDRs: [options.podCIDR] },
  });
  await setNodeStatus(client, name, options);
}

/** Sets a Node's addresses (if any are named) and its condition Ready. */
export async function setNodeStatus(
  client: ApiClient,
  name: string,
  { internalIPs, externalIPs, ready = true }: NodeOptions,
): Promise<void> {
  const now = new Date().toISOString();
  const addresses = [
    ...(internalIPs ?? []).map((address) => ({ type: "InternalIP", address })),
    ...(externalIPs ?? []).map((address) => ({ type: "ExternalIP", address })),
    { type: "Hostname", address: name },
  ];
  await client.expect("PATCH", `/api/v1/nodes/${name}/status`, {
    status: {
      ...(internalIPs === undefined && externalIPs === undefined ? {} : { addresses }),
      conditions: [{
        type: "Ready",
        status: ready ? "True" : "False",
        reason: ready ? "KubeletReady" : "KubeletNotReady",
        message: ready ? "posting ready status" : "not ready for a test",
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      }],
    },
  });
}

/** Takes a Node away, if it is there. */
export async function deleteNode(client: ApiClient, name: string): Promise<void> {
  const { status, body } = await client.request("DELETE", `/api/v1/nodes/${name}`);
  if (status >= 300 && status !== 404) {
    throw new Error(`cannot delete Node ${name}: ${status} ${JSON.stringify(body)}`);
  }
}
