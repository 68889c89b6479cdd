import { run } from "./command.ts";
import { LabHost } from "./lab_host.ts";

const BRIDGE = "br0";

export interface AttachOptions {
  /** Name of the link in the host, `eth0` unless told. */
  readonly device?: string;
  readonly mtu?: number;
  /** Address of the host's default route. */
  readonly gateway?: string;
}

/** The network between test hosts: a host of its own that is a switch. IPv4 and IPv6. */
export class Underlay implements AsyncDisposable {
  private constructor(readonly host: LabHost) {}

  /** Makes the switch. It may have addresses of its own, e.g. `203.0.113.100/24`. */
  static async create(...addresses: string[]): Promise<Underlay> {
    const host = await LabHost.create("switch");
    await host.ip(
      // An address of its own: else it is that of a port, and changes when hosts come and go.
      `link add ${BRIDGE} address 02:00:00:00:00:01 type bridge mcast_snooping 0`,
      ...addresses.map((address) => `addr add ${address} dev ${BRIDGE}`),
      `link set ${BRIDGE} up`,
    );
    return new Underlay(host);
  }

  /** The switch that another process of the same run keeps. */
  static join(host: LabHost): Underlay {
    return new Underlay(host);
  }

  /**
   * Plugs a host in, with its addresses on this network.
   *
   * @returns the name of the switch's port.
   */
  async attach(
    host: LabHost,
    addresses: string | readonly string[],
    { device = "eth0", mtu = 1500, gateway }: AttachOptions = {},
  ): Promise<string> {
    const port = await this.#plug(`netns ${host.pid}`, device, mtu);
    const list = typeof addresses === "string" ? [addresses] : addresses;
    await host.ip(
      ...list.map((address) => `addr add ${address} dev ${device}`),
      `link set ${device} up`,
      ...(gateway === undefined ? [] : [`route add default via ${gateway}`]),
    );
    return port;
  }

  /**
   * Plugs in the network namespace that we run in ourselves, so that tests reach the cluster.
   * Only where the runner has given us one of our own.
   */
  async attachOurselves(address: string, device = "lab0"): Promise<void> {
    if (Deno.env.get("WG_KUBE_LAB_STATE") === undefined) {
      throw new Error("not in a namespace of our own: start this by `deno task test`");
    }
    await this.#plug(`netns ${Deno.pid}`, device, 1500);
    await run(["ip", "addr", "add", address, "dev", device]);
    await run(["ip", "link", "set", device, "up"]);
  }

  /** Pulls the plug of a port. */
  async cut(port: string): Promise<void> {
    await this.host.ip(`link set ${port} down`);
  }

  /** Puts the plug back. */
  async mend(port: string): Promise<void> {
    await this.host.ip(`link set ${port} up`);
  }

  /** Loss or delay on the way to a host, as tc-netem(8) takes it, e.g. `delay 20ms loss 5%`. */
  async impair(port: string, netem: string): Promise<void> {
    await this.host.run([
      "tc",
      "qdisc",
      "replace",
      "dev",
      port,
      "root",
      ...`netem ${netem}`.split(" "),
    ]);
  }

  async #plug(netns: string, device: string, mtu: number): Promise<string> {
    const port = `p${crypto.randomUUID().slice(0, 8)}`; // other test files plug in here too
    // Only the switch's network is entered: process ids must mean here what they mean to us.
    await run(["nsenter", `--target=${this.host.pid}`, "--net", "ip", "-batch", "-"], {
      stdin: [
        `link add ${port} mtu ${mtu} type veth peer name ${device} mtu ${mtu} ${netns}`,
        `link set ${port} master ${BRIDGE} up`,
        "",
      ].join("\n"),
    });
    return port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}
