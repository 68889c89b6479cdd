import { runArguments } from "../../tasks/permissions.ts";
import { type BootFile, bootFiles, type ServiceUnit, spokeUnit } from "./cloud_init.ts";
import { Kubelet, type KubeletOptions } from "./kubelet.ts";
import type { KubernetesPrograms } from "./kubernetes_programs.ts";
import { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { sharedUnderlay } from "./shared_lab.ts";
import { bundleOf } from "./stretched_cluster.ts";

const NOTIFY_PROGRAM = new URL("notify_program.ts", import.meta.url).pathname;
const NOTIFY_SOCKET = "/run/notify";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** The folders that are its disk: all else is gone after a reboot. */
const DISK = ["/etc/wireguard", "/etc/kubernetes", "/var/lib/kubelet"];

/**
 * A machine that `deploy/cloud-init.yaml` has set up: the spoke started as its unit says, in the
 * lab's systemd's place, the bundle in the executable's place, and a real kubelet.
 */
export class EdgeMachine implements AsyncDisposable {
  readonly #address: string;
  readonly #programs: KubernetesPrograms;
  readonly #files: readonly BootFile[];
  readonly #unit: ServiceUnit;
  #host: LabHost;
  #systemd: LabProcess | undefined;
  #spoke: LabProcess | undefined;
  #kubelet: Kubelet | undefined;
  #log = "";

  private constructor(
    host: LabHost,
    address: string,
    programs: KubernetesPrograms,
    files: readonly BootFile[],
  ) {
    this.#host = host;
    this.#address = address;
    this.#programs = programs;
    this.#files = files;
    this.#unit = spokeUnit(files);
  }

  /**
   * A machine with the files of cloud-init that has not started anything yet.
   *
   * @param address its own on the underlay, with prefix length.
   */
  static async install(
    name: string,
    address: string,
    programs: KubernetesPrograms,
  ): Promise<EdgeMachine> {
    const files = await bootFiles();
    const machine = new EdgeMachine(await LabHost.create(name), address, programs, files);
    await machine.#powerOn();
    return machine;
  }

  /** The host that it is now: another one after a reboot. */
  get host(): LabHost {
    return this.#host;
  }

  /** Addresses of the tunnel, as its environment file says, e.g. `100.96.0.2/32`. */
  get tunnelAddress(): string {
    return this.#unit.env["WG_ADDRESS"]!;
  }

  /** The running kubelet. */
  get kubelet(): Kubelet {
    return this.#kubelet!;
  }

  /** All that spoke and kubelet have said, for the message of a test that failed. */
  get log(): string {
    return [
      this.#log,
      `--- spoke\n${this.#spoke?.output}`,
      `--- kubelet\n${this.#kubelet?.complaints}`,
    ].join("\n");
  }

  /** All that the spoke has said since it was last started. */
  get spokeOutput(): string {
    return this.#spoke?.output ?? "";
  }

  /** Starts the spoke, and returns when it is ready in systemd's eyes: the kubelet's turn. */
  async startSpoke(): Promise<void> {
    this.#systemd = this.#host.spawn(Deno.execPath(), [
      ...["run", "--no-config", "--no-check", "--unstable-net", "-A"],
      ...[NOTIFY_PROGRAM, NOTIFY_SOCKET],
    ]);
    await this.#systemd.waitForLine(/^ready$/);
    const { command, env, capabilities } = this.#unit;
    const bounding = capabilities.map((name) => `,+${name.replace(/^cap_/, "")}`).join("");
    this.#spoke = this.#host.spawn("setpriv", [
      ...[`--bounding-set=-all${bounding}`, "--no-new-privs", "--"],
      ...[Deno.execPath(), ...runArguments("spoke", bundleOf("spoke"))],
      ...command.slice(1),
    ], { env: { PATH, ...env, NOTIFY_SOCKET }, clearEnv: true });
    await this.#systemd.waitForLine(/^READY=1$/);
  }

  /** Waits until the spoke says to systemd that it is in this state. */
  async spokeStatus(status: RegExp): Promise<void> {
    await this.#systemd!.waitForLine(new RegExp(`^STATUS=${status.source}$`));
  }

  /** Starts the kubelet. */
  async startKubelet(options: KubeletOptions): Promise<void> {
    this.#kubelet = await Kubelet.start(this.#host, this.#programs, options);
  }

  /**
   * Power off and on: processes, interfaces, routes, rules and /run are gone, the disk is as it was.
   * Nothing has been started again yet.
   */
  async reboot(): Promise<void> {
    const disk = await Deno.makeTempFile({ prefix: "wg-kube-disk-" });
    try {
      await this.#kill();
      await this.#host.run(["tar", "-cf", disk, "-C", "/", ...DISK.map((path) => `.${path}`)]);
      const { name } = this.#host;
      await this.#host[Symbol.asyncDispose]();
      this.#host = await LabHost.create(name);
      await this.#host.run(["tar", "-xf", disk, "-C", "/"]);
    } finally {
      await Deno.remove(disk);
    }
    await this.#powerOn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
    await this.#host[Symbol.asyncDispose]();
  }

  async #powerOn(): Promise<void> {
    // Those outside of /etc would be this machine's own.
    for (const { path, content, mode } of this.#files) {
      if (path.startsWith("/etc/")) await this.#host.writeFile(path, content, mode);
    }
    await sharedUnderlay().attach(this.#host, this.#address);
  }

  async #kill(): Promise<void> {
    this.#log = this.log;
    await this.#kubelet?.[Symbol.asyncDispose]();
    await this.#spoke?.[Symbol.asyncDispose]();
    await this.#systemd?.[Symbol.asyncDispose]();
    this.#kubelet = this.#spoke = this.#systemd = undefined;
  }
}
