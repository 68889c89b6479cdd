import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { ROUTE_TABLE, ROUTE_TYPE } from "../../lib/netlink/routes.ts";
import { readSurroundings } from "../../lib/tunnel/surroundings.ts";

const DEVICES = ["lo", "eth0", "wg0", "cilium_host", "lxc4f2a", "lxcbr0", "flannel.1", "docker0"];
const links = DEVICES.map((name, at) => ({ index: at + 1, name, mtu: 1400 + at, up: true }));

// linux/rtnetlink.h: RTN_UNREACHABLE; RTPROT_KERNEL, RTPROT_BOOT, RTPROT_STATIC, RTPROT_RA
const UNREACHABLE = 7;
const [KERNEL, BOOT, STATIC, ADVERTISED] = [2, 3, 4, 9];

/** A route by a device, and by a gateway if it has one. */
const by = (
  device: string,
  destination: string,
  gateway?: string,
  { type, protocol = KERNEL }: { type?: number; protocol?: number } = {},
) => ({
  destination: destination as Cidr,
  table: ROUTE_TABLE.MAIN,
  protocol,
  interfaceIndex: DEVICES.indexOf(device) + 1,
  ...(gateway && { gateway: gateway as IpAddress }),
  ...(type !== undefined && { type }),
});

const ROUTES = [
  by("eth0", "0.0.0.0/0", "192.168.1.1"),
  by("eth0", "192.168.1.0/24"),
  by("wg0", "100.96.0.0/12"),
  by("cilium_host", "10.244.1.0/24", "10.244.0.7", { protocol: BOOT }), // the machine's own address
  by("lxc4f2a", "10.244.0.9/32", undefined, { type: ROUTE_TYPE.UNICAST }),
  by("lxcbr0", "10.0.3.0/24"),
  by("flannel.1", "10.245.0.0/16", "10.245.0.1", { protocol: BOOT }),
  by("docker0", "172.17.0.0/16"),
  by("eth0", "100.96.0.0/12", "192.168.1.9", { protocol: STATIC }),
  by("cilium_host", "10.246.0.0/16", undefined, { protocol: BOOT }),
  by("eth0", "fd00:1::/64", undefined, { protocol: ADVERTISED }),
  by("eth0", "fd00:2::/64", "fe80::1", { protocol: ADVERTISED }),
  by("lo", "10.250.0.0/16", undefined, { type: UNREACHABLE }),
];

Deno.test("readSurroundings() knows the devices that lead to pods from those that do not", () => {
  const pods = "cilium_host lxc4f2a cali12ab vxlan.calico tunl0 flannel.1 cni0 kube-bridge weave " +
    "antrea-gw0 ovn-k8s-mp0 eni0a1b2c3d4e5 azv0a1b2c3d4e5 azure0 gke0a1b2c3d4e5 cbr0";
  const others =
    "eth0 ens5 eni eno1 enp3s0 lxcbr0 docker0 br0 cbr01 bond0 wg1 tailscale0 gke vlan7";
  const names = `${pods} ${others}`.split(" ");
  const route = (_: string, at: number) => ({
    ...by("eth0", `10.9.${at}.0/24`),
    interfaceIndex: at + 1,
  });
  const { podRoutes } = readSurroundings({
    links: () => names.map((name, at) => ({ index: at + 1, name, mtu: 1500, up: true })),
    link: () => undefined,
    routes: () => names.map(route),
    addresses: () => [],
  }, "wg0");
  const found = podRoutes.map((cidr) => names[Number(cidr.split(".")[2])]);
  assertEquals(found, pods.split(" "));
});

Deno.test("readSurroundings() tells routes to pods, by the devices of network plugins, and those of its own networks", () => {
  const read = readSurroundings({
    links: () => links,
    link: (name) => links.find((link) => link.name === name),
    routes: () => ROUTES,
    addresses: () =>
      ["192.168.1.2", "100.96.0.1", "10.244.0.7"].map((address) => ({
        address: address as IpAddress,
        prefixLength: 32,
        interfaceIndex: 2,
      })),
  }, "wg0");
  assertEquals<unknown>(read, {
    addresses: ["192.168.1.2", "100.96.0.1", "10.244.0.7"],
    routes: [
      ...["192.168.1.0/24", "10.244.1.0/24", "10.244.0.9/32", "10.0.3.0/24", "10.245.0.0/16"],
      ...["172.17.0.0/16", "100.96.0.0/12", "10.246.0.0/16", "fd00:1::/64", "fd00:2::/64"],
    ],
    connected: [
      ...["192.168.1.0/24", "10.244.0.9/32", "10.0.3.0/24", "172.17.0.0/16", "fd00:1::/64"],
    ],
    podRoutes: ["10.244.1.0/24", "10.244.0.9/32", "10.245.0.0/16", "10.246.0.0/16"],
    gateways: ["192.168.1.1", "10.245.0.1", "192.168.1.9", "fe80::1"],
    underlayMtu: 1401,
  });
});
