import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { NetworkAccess } from "../../lib/netlink/network.ts";
import { ROUTE_TABLE } from "../../lib/netlink/routes.ts";
import { OUR_PROTOCOL } from "../../lib/tunnel/plan_routes.ts";
import { routesPackets } from "../../lib/hub/routes_packets.ts";

const KERNEL = 2;
const LINK = { index: 7 } as ReturnType<NetworkAccess["link"]>;

/** A machine whose interface has those addresses, and a route of that protocol. */
function machine(addresses: readonly string[], protocol?: number, link = LINK) {
  const route = { destination: "10.9.0.4/32" as Cidr, table: ROUTE_TABLE.MAIN, interfaceIndex: 7 };
  return {
    link: () => link,
    addresses: () =>
      addresses.map((text) => {
        const [address, length] = text.split("/");
        return { address: address as IpAddress, prefixLength: Number(length), interfaceIndex: 7 };
      }),
    routes: () => protocol === undefined ? [] : [{ ...route, protocol }],
  };
}

const CASES: [string, ReturnType<typeof machine>, boolean][] = [
  ["no interface", machine([], undefined, undefined), false],
  ["neither routes nor addresses", machine([]), false],
  ["an address alone, as of one that stands by", machine(["10.9.0.1/32", "fd00::1/128"]), false],
  ["an address with its network", machine(["10.9.0.1/24"]), true],
  ["an IPv6 address with its network", machine(["fd00::1/64"]), true],
  ["an address that the kernel gave it", machine(["fe80::1/64"]), false],
  ["a route of ours", machine(["10.9.0.1/32"], OUR_PROTOCOL), true],
  ["a route of the kernel", machine(["10.9.0.1/32"], KERNEL), false],
];

for (const [what, network, expected] of CASES) {
  Deno.test(`packets ${expected ? "go" : "do not go"} into an interface with ${what}`, () => {
    assertEquals(routesPackets(network, "wg0"), expected);
  });
}
