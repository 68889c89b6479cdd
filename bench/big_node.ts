import { benchPeer } from "./programs/bench_peer.ts";

const PREFIX = "wireguard.kube/";

/**
 * A Node of a peer as large as those of real clusters: about 12 kB, of which 1 kB are metadata without
 * what the server itself notes. Labels and annotations of a cloud provider, fifty images, the
 * conditions of a kubelet.
 *
 * @param changed with another address.
 */
export function bigNode(number: number, changed = false) {
  const { name, publicKey, allowedIPs } = benchPeer(number, changed, false);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: { ...labelsOf(name), [`${PREFIX}peer`]: "true" },
      annotations: {
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        "csi.volume.kubernetes.io/nodeid": `{"disk.csi.example.com":"${name}"}`,
        [`${PREFIX}public-key`]: publicKey,
        [`${PREFIX}allowed-ips`]: allowedIPs.join(),
      },
    },
    spec: { providerID: `example:///subscriptions/0000/machines/${name}` },
    status: {
      addresses: [
        { type: "InternalIP", address: allowedIPs[0]!.split("/")[0] },
        { type: "Hostname", address: name },
      ],
      capacity: { cpu: "4", memory: "16374492Ki", pods: "110", "ephemeral-storage": "129886128Ki" },
      allocatable: { cpu: "3860m", memory: "12880092Ki", pods: "110" },
      conditions: ["NetworkUnavailable", "MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]
        .map((type) => conditionOf(type, "2026-01-01T00:00:00Z")),
      images: Array.from({ length: 50 }, (_, at) => ({
        names: [
          `registry.example.com/platform/component-${at}@sha256:${`${at}`.padStart(64, "0")}`,
          `registry.example.com/platform/component-${at}:v1.${at}.0`,
        ],
        sizeBytes: 10_000_000 + at,
      })),
      nodeInfo: {
        machineID: "0123456789abcdef0123456789abcdef",
        systemUUID: "01234567-89ab-cdef-0123-456789abcdef",
        bootID: "01234567-89ab-cdef-0123-456789abcdef",
        kernelVersion: "6.1.0-28-cloud-amd64",
        osImage: "Debian GNU/Linux 12 (bookworm)",
        containerRuntimeVersion: "containerd://1.7.24",
        kubeletVersion: "v1.34.4",
        kubeProxyVersion: "",
        operatingSystem: "linux",
        architecture: "amd64",
      },
    },
  };
}

function labelsOf(name: string): Record<string, string> {
  const names = ["region", "zone", "instance-type", "os-sku", "mode", "nodepool", "storage-tier"];
  return {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    ...Object.fromEntries(
      names.map((label) => [`cloud.example.com/${label}`, `value-of-${label}`]),
    ),
  };
}

/** What a kubelet repeats every few minutes: the patch of a Node's status. */
export function heartbeat(at: Date) {
  return { status: { conditions: [conditionOf("Ready", at.toISOString())] } };
}

function conditionOf(type: string, at: string) {
  return {
    type,
    status: type === "Ready" ? "True" : "False",
    reason: `Kubelet${type}`,
    message: `kubelet says what it has to say of ${type}`,
    lastHeartbeatTime: at.replace(/\.\d+Z$/, "Z"),
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
}

/** What a server notes of who wrote what: as much of it as a kubelet's Node has. */
export function managedFields(): unknown[] {
  const field = (name: string) => [`f:${name}`, {}] as const;
  const labels = Object.keys(labelsOf("")).map(field);
  const of = (manager: string, fieldsV1: unknown) => ({
    manager,
    operation: "Update",
    apiVersion: "v1",
    time: "2026-01-01T00:00:00Z",
    fieldsType: "FieldsV1",
    fieldsV1,
  });
  return [
    of("kubelet", { "f:metadata": { "f:labels": Object.fromEntries(labels) } }),
    of("wg-kube", {
      "f:metadata": {
        "f:annotations": Object.fromEntries(["public-key", "allowed-ips"].map(field)),
      },
    }),
  ];
}
