import { Cluster } from "../tests/lab/cluster.ts";
import { LabHost } from "../tests/lab/lab_host.ts";
import { kubernetesPrograms } from "../tests/lab/kubernetes_programs.ts";
import type { Underlay } from "../tests/lab/underlay.ts";
import type { RivalPrograms } from "./rivals.ts";
import type { Series } from "./report/series.ts";

/** Where the real API server listens. */
export const CLUSTER = { address: "203.0.113.100", port: 6443 } as const;

/** Parts of a {@linkcode BenchLab}. */
export interface BenchLabParts {
  /** Fewer repetitions and smaller numbers. */
  readonly quick: boolean;
  readonly underlay: Underlay;
  readonly rivals: RivalPrograms;
  /** An empty folder. */
  readonly folder: string;
}

/** What all sections of the benchmark share: made once, inside the lab. */
export class BenchLab implements AsyncDisposable {
  readonly #parts: BenchLabParts;
  #cluster: Promise<Cluster> | undefined;

  constructor(parts: BenchLabParts) {
    this.#parts = parts;
  }

  get quick(): boolean {
    return this.#parts.quick;
  }

  get rivals(): RivalPrograms {
    return this.#parts.rivals;
  }

  get underlay(): Underlay {
    return this.#parts.underlay;
  }

  get folder(): string {
    return this.#parts.folder;
  }

  /** Numbers of peers to measure at. */
  get sizes(): readonly number[] {
    return this.quick ? [5, 100, 1000] : [5, 100, 1000, 5000];
  }

  /** The largest of them. */
  get most(): number {
    return this.sizes.at(-1)!;
  }

  /** How often to repeat what takes seconds. */
  get repeats(): number {
    return this.quick ? 1 : 3;
  }

  /** A real kube-apiserver, started when it is first asked for. */
  cluster(): Promise<Cluster> {
    return this.#cluster ??= this.#startCluster();
  }

  async #startCluster(): Promise<Cluster> {
    const { underlay: { host }, folder } = this.#parts;
    return await Cluster.start({ ...CLUSTER, folder, host, programs: await kubernetesPrograms() });
  }

  /** A host with an empty `wg0` that is up, has a key and the tunnel's network. */
  async tunnelHost(name: string, address?: string): Promise<LabHost> {
    const host = await LabHost.create(name);
    try {
      if (address !== undefined) await this.underlay.attach(host, address);
      await freshTunnel(host);
      return host;
    } catch (thrown) {
      await host[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#cluster)?.[Symbol.asyncDispose]();
  }
}

/** Makes `wg0` anew, without peers; its key is kept in the host's /etc/wireguard/key. */
export async function freshTunnel(host: LabHost): Promise<void> {
  const script = "mkdir -p /etc/wireguard; umask 077; cd /etc/wireguard; " +
    "[ -e key ] || wg genkey > key; ip link delete wg0 2> /dev/null; " +
    "ip link add wg0 mtu 1420 type wireguard && " +
    "wg set wg0 listen-port 51820 private-key /etc/wireguard/key && " +
    "ip addr add 100.96.0.1/12 dev wg0 && ip link set wg0 up";
  await host.run(["sh", "-c", script]);
}

/** A part of the benchmark. */
export interface Section {
  readonly name: string;
  /** Whether it asks for a real API server. */
  readonly needsCluster?: boolean;
  /** Measures, inside the lab. */
  run(lab: BenchLab): Promise<Series[]>;
}
