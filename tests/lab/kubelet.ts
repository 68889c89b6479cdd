import type { KubernetesPrograms } from "./kubernetes_programs.ts";
import type { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";

const MACHINE = new URL("kubelet_machine.sh", import.meta.url).pathname;
const SOCKET = "/run/cri.sock";
const ROOT = "/var/lib/kubelet";
const CONFIG_FILE = `${ROOT}/config.yaml`;

/** Where a kubelet keeps its credentials, unless told otherwise by those who install it. */
export const KUBELET_FILES = {
  kubeconfig: "/etc/kubernetes/kubelet.conf",
  bootstrap: "/etc/kubernetes/bootstrap-kubelet.conf",
  /** Certificate and key in one file: a link to the newest. */
  pem: `${ROOT}/pki/kubelet-client-current.pem`,
} as const;

/** Its configuration (KubeletConfiguration), where that differs from what it is by itself. */
const CONFIG = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  containerRuntimeEndpoint: `unix://${SOCKET}`,
  rotateCertificates: true,
  // So often that a test sees whether its reports are taken.
  nodeStatusUpdateFrequency: "1s",
  nodeStatusReportFrequency: "1s",
  // It runs no pods, and is to leave this machine as it is.
  cgroupDriver: "cgroupfs",
  cgroupsPerQOS: false,
  enforceNodeAllocatable: [],
  failSwapOn: false,
  makeIPTablesUtilChains: false,
  oomScoreAdj: 0,
  volumePluginDir: `${ROOT}/volume-plugins`,
};

/** How a kubelet is started. */
export interface KubeletOptions {
  /** The address that it registers its Node with. */
  readonly nodeIP: string;
  readonly nodeLabels?: Readonly<Record<string, string>>;
}

/**
 * A real kubelet on a test host, whose name is its Node's. Its container runtime runs nothing. It
 * lives on {@linkcode KUBELET_FILES}: with no other credential than `bootstrap` it asks for its own.
 */
export class Kubelet implements AsyncDisposable {
  readonly #runtime: LabProcess;
  readonly #kubelet: LabProcess;

  private constructor(runtime: LabProcess, kubelet: LabProcess) {
    this.#runtime = runtime;
    this.#kubelet = kubelet;
  }

  /** Starts a host's kubelet, once in the host's life. */
  static async start(
    host: LabHost,
    programs: KubernetesPrograms,
    { nodeIP, nodeLabels = {} }: KubeletOptions,
  ): Promise<Kubelet> {
    await host.run(["bash", MACHINE]);
    await host.writeFile(CONFIG_FILE, JSON.stringify(CONFIG));
    const runtime = host.spawn(programs.fakeCri, [SOCKET]);
    await runtime.waitForLine(/^ready$/);
    const labels = Object.entries(nodeLabels).map(([key, value]) => `${key}=${value}`);
    const kubelet = host.spawn(programs.kubelet, [
      ...[`--config=${CONFIG_FILE}`, `--root-dir=${ROOT}`, `--cert-dir=${ROOT}/pki`],
      `--kubeconfig=${KUBELET_FILES.kubeconfig}`,
      `--bootstrap-kubeconfig=${KUBELET_FILES.bootstrap}`,
      ...[`--node-ip=${nodeIP}`, `--node-labels=${labels.join(",")}`],
    ]);
    return new Kubelet(runtime, kubelet);
  }

  /** Whether it has not ended. */
  get runs(): boolean {
    return !this.#kubelet.ended;
  }

  /** What it has complained of: the lines of klog from errors on. */
  get complaints(): string {
    return this.#kubelet.output.split("\n").filter((line) => /^[EF]\d{4} /.test(line)).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kubelet[Symbol.asyncDispose]();
    await this.#runtime[Symbol.asyncDispose]();
  }
}
