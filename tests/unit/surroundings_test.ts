import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { ROUTE_TABLE, ROUTE_TYPE } from "../../lib/netlink/routes.ts";
import { readSurroundings } from "../../lib/reconcile/surroundings.ts";

const DEVICES = ["lo", "eth0", "wg0", "cilium_host", "lxc4f2a", "lxcbr0", "flannel.1", "docker0"];
const links = DEVICES.map((name, at) => ({ index: at + 1, name, mtu: 1400 + at, up: true }));

/** A route by a device, and by a gateway if it has one. */
const by = (device: string, destination: string, gateway?: string, type?: number) => ({
  destination: destination as Cidr,
  table: ROUTE_TABLE.MAIN,
  protocol: 2,
  interfaceIndex: DEVICES.indexOf(device) + 1,
  ...(gateway && { gateway: gateway as IpAddress }),
  ...(type !== undefined && { type }),
});

const UNREACHABLE = 7; // RTN_UNREACHABLE
const ROUTES = [
  by("eth0", "0.0.0.0/0", "192.168.1.1"),
  by("eth0", "192.168.1.0/24"),
  by("wg0", "100.96.0.0/12"),
  by("cilium_host", "10.244.1.0/24", "10.244.0.7"), // the machine's own address
  by("lxc4f2a", "10.244.0.9/32", undefined, ROUTE_TYPE.UNICAST),
  by("lxcbr0", "10.0.3.0/24"),
  by("flannel.1", "10.245.0.0/16", "10.245.0.1"),
  by("docker0", "172.17.0.0/16"),
  by("lo", "10.250.0.0/16", undefined, UNREACHABLE),
];

Deno.test("readSurroundings() tells routes to pods, by the devices of network plugins", () => {
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
      "172.17.0.0/16",
    ],
    podRoutes: ["10.244.1.0/24", "10.244.0.9/32", "10.245.0.0/16"],
    gateways: ["192.168.1.1", "10.245.0.1"],
    underlayMtu: 1401,
  });
});
