import { run } from "./command.ts";
import { LabHost } from "./lab_host.ts";
import { sharedUnderlay } from "./shared_lab.ts";

/** A subnet by its number: 172.16.N.0/24 and fd16:0:0:N::/64, the router at `.1`, `::1`. */
export type Subnet = 0 | 1;

/** The machine's addresses in a subnet, e.g. 6: 172.16.N.6 and fd16:0:0:N::6. */
export interface VpcAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** The addresses of the machine of that number. */
export function vpcAddresses(subnet: Subnet, number: number): VpcAddresses {
  return {
    ipv4: `172.16.${subnet}.${number}`,
    ipv6: `fd16:0:0:${subnet}::${number}`.replace(":0:0:0::", "::"),
  };
}

/** What clouds do: between subnets nothing passes that does not come from its subnet's addresses. */
const FIREWALL = `
table inet cloud {
  chain forward {
    type filter hook forward priority 0;
    iifname "net0" ip saddr != 172.16.0.0/24 drop
    iifname "net0" ip6 saddr != fd16::/64 drop
    iifname "net1" ip saddr != 172.16.1.0/24 drop
    iifname "net1" ip6 saddr != fd16:0:0:1::/64 drop
  }
}
table ip nat {
  chain postrouting {
    type nat hook postrouting priority 100;
    oifname "eth0" masquerade
  }
}
`;
/** Of the router on the underlay: by it the machines of the cloud reach the API server. */
const OUTSIDE = "203.0.113.240/24";

/**
 * The network of a cloud: two subnets and a router between them, which drops what comes from foreign
 * addresses, as those of spokes are, and leads out by NAT.
 */
export class Vpc implements AsyncDisposable {
  private constructor(readonly router: LabHost) {}

  /** Makes the router. */
  static async create(): Promise<Vpc> {
    const router = await LabHost.create("router");
    try {
      for (const subnet of [0, 1] as const) {
        const { ipv4, ipv6 } = vpcAddresses(subnet, 1);
        await router.ip(
          `link add net${subnet} type bridge mcast_snooping 0`,
          `addr add ${ipv4}/24 dev net${subnet}`,
          `addr add ${ipv6}/64 dev net${subnet} nodad`,
          `link set net${subnet} up`,
        );
      }
      await sharedUnderlay().attach(router, OUTSIDE);
      const settings = ["ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1"];
      await router.run(["sysctl", "-qw", ...settings.map((one) => `net.${one}`)]);
      await router.run(["nft", "-f", "-"], { stdin: FIREWALL });
      return new Vpc(router);
    } catch (error) {
      await router[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Plugs a machine in by a link `device`, and leads its way out to the router. */
  async attach(host: LabHost, subnet: Subnet, number: number): Promise<void> {
    await this.#plug(host, subnet, "eth0");
    await host.ip("link set eth0 up");
    await this.move(host, subnet, number);
  }

  /** Gives a machine that is plugged in its addresses, or others. */
  async move(host: LabHost, subnet: Subnet, number: number): Promise<void> {
    const { ipv4, ipv6 } = vpcAddresses(subnet, number);
    const router = vpcAddresses(subnet, 1);
    await host.ip(
      "addr flush dev eth0",
      `addr add ${ipv4}/24 dev eth0`,
      `addr add ${ipv6}/64 dev eth0 nodad`,
      `route replace default via ${router.ipv4}`,
      `route replace default via ${router.ipv6}`,
    );
  }

  /** Plugs the hub into subnet 0 by the bridge on which it has its internal address. */
  async attachHub(host: LabHost, bridge: string, number: number): Promise<void> {
    const { ipv4, ipv6 } = vpcAddresses(0, number);
    const router = vpcAddresses(0, 1);
    await this.#plug(host, 0, "vpc0");
    await host.ip(
      `link set vpc0 master ${bridge} up`,
      `addr flush dev ${bridge}`,
      `addr add ${ipv4}/24 dev ${bridge}`,
      `addr add ${ipv6}/64 dev ${bridge} nodad`,
      `route add 172.16.1.0/24 via ${router.ipv4}`,
      `route add fd16:0:0:1::/64 via ${router.ipv6}`,
    );
  }

  /** A route table: what leads to these networks goes to that machine, which may send as they. */
  async leadTo(cidrs: readonly string[], gateway: VpcAddresses): Promise<void> {
    for (const cidr of cidrs) {
      const [family, via] = cidr.includes(":") ? ["ip6", gateway.ipv6] : ["ip", gateway.ipv4];
      await this.router.ip(`route add ${cidr} via ${via}`);
      const rule = ["insert", "rule", "inet", "cloud", "forward", family, "saddr", cidr, "accept"];
      await this.router.run(["nft", ...rule]);
    }
  }

  async #plug(host: LabHost, subnet: Subnet, device: string): Promise<void> {
    const port = `v${crypto.randomUUID().slice(0, 8)}`;
    // Only the router's network is entered: process ids must mean here what they mean to us.
    await run(["nsenter", `--target=${this.router.pid}`, "--net", "ip", "-batch", "-"], {
      stdin: [
        `link add ${port} type veth peer name ${device} netns ${host.pid}`,
        `link set ${port} master net${subnet} up`,
        "",
      ].join("\n"),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.router[Symbol.asyncDispose]();
  }
}
