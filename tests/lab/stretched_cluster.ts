import { bundlePath } from "../../tasks/bundle.ts";
import { runArguments } from "../../tasks/permissions.ts";
import type { ApiClient } from "./api_client.ts";
import type { Cluster } from "./cluster.ts";
import { type ContainerMount, startContainer } from "./container.ts";
import { createNode, deleteNode } from "./create_node.ts";
import { hubCredentials, SERVICE_ACCOUNT_PATH } from "./hub_credentials.ts";
import { kubeletCredentials } from "./kubelet_credentials.ts";
import { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { type SharedLab, sharedLab } from "./shared_lab.ts";

/** Where a bundled program lies. */
export function bundleOf(program: "hub" | "spoke"): string {
  return new URL(`../../${bundlePath(program)}`, import.meta.url).pathname;
}

/** The kustomization under which a hub may label its own Node. */
export const WITHOUT_POLICY = "overlays/without-policy";
const POLICIES = "validatingadmissionpolicies,validatingadmissionpolicybindings";

/** As much of the manifest as is read. */
interface DaemonSet {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: { readonly args: string[] }[] } };
  };
}

/** A machine of the cluster with its Node and our program on it. */
export interface Member {
  readonly name: string;
  readonly host: LabHost;
  /** The program's process; replaced when it is started again. */
  process: LabProcess;
}

/** Addresses of the hub, as every example of the README has them. */
export const HUB = {
  node: "hub-1",
  external: "203.0.113.1",
  external6: "2001:db8::1",
  internal: "172.16.0.4",
  tunnel: "100.96.0.1",
} as const;

/** Addresses of a second hub of the same cluster; of the tunnel it has the same one. */
export const SECOND_HUB = {
  node: "hub-2",
  external: "203.0.113.201",
  external6: "2001:db8::c9",
  internal: "172.16.0.5",
} as const;

/** How a {@linkcode StretchedCluster} differs from the README's. */
export interface StretchedClusterOptions {
  /** What is applied: `deploy` unless told, or a folder of `overlays`. */
  readonly kustomization?: string;
  /** Whether the hub runs in a container, as it does unless told. The image has no wireguard-go. */
  readonly contained?: boolean;
  /** Arguments of the hub after those of the manifest, over which they win. */
  readonly hubArguments?: Readonly<Record<string, string>>;
}

/** What a hub is started with beside what its cluster's have. */
export interface HubExtras {
  /** Flags with their values. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Of a hub in a container: files of its host. */
  readonly mounts?: readonly ContainerMount[];
}

/** How a spoke differs from the README's. */
export interface SpokeOptions {
  /** Its variables, over the tunnel address and the prefix. */
  readonly env?: Record<string, string>;
  /** The InternalIPs of its Node. */
  readonly internalIPs?: readonly string[];
}

/**
 * A hub and its spokes in hosts of their own, joined by the underlay, with the shared API server:
 * the manifests applied as a user does, the hub with its service account's token, each spoke with its kubelet's
 * certificate, and the bundled programs under the permissions of the executables.
 */
export class StretchedCluster implements AsyncDisposable {
  readonly #lab: SharedLab;
  readonly #members: Member[] = [];
  readonly #nodes = new Set<string>();
  readonly #options: Required<StretchedClusterOptions>;
  readonly #manifestArguments: readonly string[];
  /** The prefix of labels and annotations. */
  readonly prefix: string;

  private constructor(
    lab: SharedLab,
    options: Required<StretchedClusterOptions>,
    manifestArguments: readonly string[],
  ) {
    this.#lab = lab;
    this.#options = options;
    this.#manifestArguments = manifestArguments;
    const flag = "--annotation-prefix=";
    const argument = manifestArguments.find((one) => one.startsWith(flag));
    this.prefix = argument?.slice(flag.length) ?? "wireguard.kube/";
  }

  /** The cluster with nothing in it but what the kustomization makes. */
  static async create(options: StretchedClusterOptions = {}): Promise<StretchedCluster> {
    const lab = await sharedLab();
    const { kustomization = "deploy", contained = true, hubArguments = {} } = options;
    try {
      const { cluster } = lab;
      if (kustomization === WITHOUT_POLICY) { // those of the tests before are still there
        await cluster.kubectl(["delete", POLICIES, "--all"]);
      }
      const folder = new URL(`../../${kustomization}`, import.meta.url).pathname;
      await cluster.kubectl(["apply", "-k", folder]);
      const get = ["get", "daemonset", "wireguard-hub", "-n", "wireguard-kube", "-o", "json"];
      const manifest: DaemonSet = JSON.parse(await cluster.kubectl(get));
      const [container] = manifest.spec.template.spec.containers;
      return new StretchedCluster(lab, { kustomization, contained, hubArguments }, container!.args);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  get cluster(): Cluster {
    return this.#lab.cluster;
  }

  get admin(): ApiClient {
    return this.cluster.admin;
  }

  /** A Node that is cleared away at the end. */
  async addNode(name: string, options: Parameters<typeof createNode>[2]): Promise<void> {
    this.#nodes.add(name);
    await createNode(this.admin, name, options);
  }

  /** A hub's host, its Node and the hub itself. */
  async addHub(which: typeof HUB | typeof SECOND_HUB = HUB): Promise<Member> {
    const { node, external, external6, internal } = which;
    const host = await LabHost.create(node);
    const hub = { name: node, host } as Member;
    this.#members.push(hub);
    await this.#lab.underlay!.attach(host, [`${external}/24`, `${external6}/64`]);
    await host.addNetwork("cluster0", `${internal}/16`);
    const settings = [
      "ipv4.ip_forward=1",
      "ipv4.conf.all.send_redirects=0",
      "ipv6.conf.all.forwarding=1",
    ];
    await host.run(["sysctl", "-qw", ...settings.map((one) => `net.${one}`)]);
    await this.addNode(node, {
      internalIPs: [internal],
      externalIPs: [external],
      // By the policies that is the administrator's to say.
      labels: this.#options.kustomization === WITHOUT_POLICY
        ? {}
        : { [`${this.prefix}hub`]: "true" },
    });
    hub.process = await this.startHub(host);
    return hub;
  }

  /**
   * Starts the hub's program on a hub's host, also again.
   *
   * @param command a command of the program and its flags: then it is run beside the one that is
   * there, as `kubectl exec` does.
   */
  async startHub(
    host: LabHost,
    command: readonly string[] = [],
    extras: HubExtras = {},
  ): Promise<LabProcess> {
    return (await this.hubStarter(host, command, extras))();
  }

  /**
   * How to start the hub's program: as the DaemonSet would, in a container of the image's files
   * alone, or, where that has no WireGuard, on the host itself. The API server is needed for this,
   * for the token, and not when it is started.
   */
  async hubStarter(
    host: LabHost,
    command: readonly string[] = [],
    { flags = {}, mounts = [] }: HubExtras = {},
  ): Promise<() => Promise<LabProcess>> {
    const { env, folder } = await hubCredentials(this.cluster, host.name);
    const args = [...command, ...this.#startArguments(flags)];
    const program = { env: { ...env, NODE_NAME: host.name }, args };
    if (!this.#options.contained) {
      await host.bind(folder, SERVICE_ACCOUNT_PATH, { readOnly: true });
      const [command, ...args] = [Deno.execPath(), ...runArguments("hub", bundleOf("hub"))];
      return () =>
        Promise.resolve(host.spawn(command!, [...args, ...program.args], { env: program.env }));
    }
    return () =>
      startContainer(host, {
        command: [
          "/usr/local/bin/deno",
          ...runArguments("hub", "/program/hub.js"),
          ...program.args,
        ],
        mounts: [
          { source: Deno.execPath(), target: "/usr/local/bin/deno" },
          { source: bundleOf("hub").replace(/\/[^/]+$/, ""), target: "/program" },
          { source: folder, target: SERVICE_ACCOUNT_PATH },
          { source: "/var/lib/wg-kube", target: "/var/lib/wg-kube", writable: true },
          ...mounts,
        ],
        env: { ...program.env, DENO_USE_CGROUPS: "1", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      });
  }

  /** What the DaemonSet says, and what this cluster has instead. */
  #startArguments(flags: Readonly<Record<string, string>>): string[] {
    const ours = Object.entries({ ...this.#options.hubArguments, ...flags });
    const isOurs = (arg: string) => ours.some(([flag]) => arg.startsWith(`--${flag}=`));
    return [
      ...this.#manifestArguments.filter((arg) => !isOurs(arg)),
      ...ours.map(([flag, value]) => `--${flag}=${value}`),
    ];
  }

  /**
   * A spoke `edge-N` with the tunnel address 100.96.0.N and the underlay addresses 203.0.113.N and
   * 2001:db8::N; its Node is registered as its kubelet does it.
   */
  async addSpoke(number: number, options: SpokeOptions = {}): Promise<Member> {
    const name = `edge-${number}`;
    const host = await LabHost.create(name);
    const spoke = { name, host } as Member;
    this.#members.push(spoke);
    await this.#lab.underlay!.attach(host, [`203.0.113.${number}/24`, `2001:db8::${number}/64`]);
    const { kubeconfig } = await kubeletCredentials(this.cluster, name);
    await host.bind(kubeconfig, "/etc/kubernetes/kubelet.conf", { readOnly: true });
    spoke.process = this.startSpoke(host, number, options);
    await this.addNode(name, { internalIPs: options.internalIPs ?? [`100.96.0.${number}`] });
    return spoke;
  }

  /** Starts the spoke's program, also again. */
  startSpoke(host: LabHost, number: number, { env = {} }: SpokeOptions = {}): LabProcess {
    return host.spawn(Deno.execPath(), runArguments("spoke", bundleOf("spoke")), {
      env: { WG_ADDRESS: `100.96.0.${number}/32`, ANNOTATION_PREFIX: this.prefix, ...env },
    });
  }

  /** Labels and annotations of a Node under the prefix, by their names without it. */
  async published(node: string): Promise<Record<string, string>> {
    const { metadata } = await this.admin.expect("GET", `/api/v1/nodes/${node}`) as {
      metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
    };
    const all = Object.entries({ ...metadata.labels, ...metadata.annotations });
    return Object.fromEntries(
      all.filter(([key]) => key.startsWith(this.prefix))
        .map(([key, value]) => [key.slice(this.prefix.length), value]),
    );
  }

  /** Sets annotations of a Node as an administrator; null removes one. */
  async annotate(node: string, annotations: Record<string, string | null>): Promise<void> {
    const entries = Object.entries(annotations)
      .map(([name, value]) => [`${this.prefix}${name}`, value]);
    await this.admin.expect("PATCH", `/api/v1/nodes/${node}`, {
      metadata: { annotations: Object.fromEntries(entries) },
    });
  }

  /** All that the programs have said, for the message of a test that failed. */
  logs(): string {
    return this.#members.filter(({ process }) => process)
      .map(({ name, process }) => `--- ${name}\n${process.output}`).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process, host } of this.#members.toReversed()) {
      await process?.[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    }
    for (const node of this.#nodes) await deleteNode(this.admin, node);
    await this.#lab[Symbol.asyncDispose]();
  }
}
