import { assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { Route } from "../../lib/netlink/routes.ts";
import { membersPolicy } from "../../lib/tunnel/plan_members.ts";
import { readRoutes, settleRoutes } from "../../lib/tunnel/settle_routes.ts";
import type { WantedTunnel } from "../../lib/tunnel/wanted_tunnel.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import { privateKeyFromBytes } from "../../lib/wireguard/key.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const WG0 = 7;
const privateKey = await privateKeyFromBytes(new Uint8Array(32).fill(7));
const wantedDevice = { privateKey, listenPort: 51820, fwmark: 0 };

function peer(number: number, allowedIPs: string, host: string): [Peer["publicKey"], Peer] {
  return [keyOf(number), {
    publicKey: keyOf(number),
    endpoint: { host: host as IpAddress, port: 51820 },
    allowedIPs: cidrs(allowedIPs),
    persistentKeepalive: 0,
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
  }];
}

const device: Device = {
  name: "wg0",
  privateKey,
  listenPort: 51820,
  fwmark: 0,
  peers: new Map([
    peer(1, "100.96.0.2/32", "203.0.113.2"),
    peer(2, "172.16.0.6/32 fd16::6/128", "172.16.0.6"),
  ]),
};

/** A main table, and what is done to it. */
function table(...routes: Route[]) {
  const state = { routes };
  const isSame = (a: Route) => (b: Route) => a.destination === b.destination;
  const network = {
    routes: () => state.routes,
    addRoutes: (added: readonly Route[]) => {
      state.routes = [...state.routes, ...added];
      return [];
    },
    removeRoutes: (removed: readonly Route[]) => {
      state.routes = state.routes.filter((route) => !removed.some(isSame(route)));
      return [];
    },
  };
  /** Makes it what is wanted, and tells what it is then. */
  const settle = (
    wanted: Omit<WantedTunnel, "addresses" | "mtu" | "device">,
    peers = false,
    toMembers?: ReadonlySet<Cidr>,
  ) => {
    const routes = readRoutes(network, WG0, wanted.sources);
    const found = { ...routes, index: WG0, name: "wg0", toMembers };
    const whole: WantedTunnel = {
      addresses: [],
      mtu: 1420,
      device: { ...wantedDevice, ...(peers && { peers: device.peers }) },
      ...wanted,
    };
    settleRoutes(network, whole, device, found, [], () => []);
    return state.routes.map(({ destination, preferredSource }) =>
      preferredSource ? `${destination} src ${preferredSource}` : destination
    ).sort();
  };
  return { settle };
}

const ours = (destination: string, preferredSource?: string): Route => ({
  destination: destination as Cidr,
  table: 254,
  protocol: 87,
  interfaceIndex: WG0,
  ...(preferredSource && { preferredSource: preferredSource as IpAddress }),
});

Deno.test("before a hub knows its peers, whoever is reached at its own prefix has no route into the tunnel", () => {
  assertEquals(table().settle({ isRouting: true }), ["100.96.0.2/32"]);
});

Deno.test("before a hub knows its peers, members of whom kernel or ledger tell have no route there, wherever they are", () => {
  const isRouting = { isRouting: true };
  const toMembers = new Set(cidrs("100.96.0.2/32"));
  assertEquals(table().settle(isRouting, false, toMembers), []);
  const membersBefore = new Map([...toMembers].map((cidr) => [cidr, "n1"]));
  assertEquals(table().settle({ ...isRouting, membersBefore }), []);
  const members = { routes: new Set<Cidr>(), rules: [] };
  assertEquals(table().settle({ isRouting: true, members }, true, toMembers), [
    "100.96.0.2/32",
    "172.16.0.6/32",
    "fd16::6/128",
  ]);
});

Deno.test("a member's prefixes have no route in the main table, and one that is there goes", () => {
  const members = membersPolicy(cidrs("172.16.0.6/32 fd16::6/128"), "wg0", []);
  const wanted = { isRouting: true, members };
  assertEquals(table().settle(wanted, true), ["100.96.0.2/32"]);
  assertEquals(table(ours("172.16.0.6/32")).settle(wanted, true), ["100.96.0.2/32"]);
});

Deno.test("routes give packets the source that is wanted, and are made anew with another", () => {
  const sources = { 4: "172.16.0.9" as IpAddress };
  const all = [
    "100.96.0.2/32 src 172.16.0.9",
    "172.16.0.6/32 src 172.16.0.9",
    "fd16::6/128",
  ];
  const policy = { prefixes: [], exceptions: [] };
  assertEquals(table().settle({ sources, policy }, true), all);
  assertEquals(table(ours("100.96.0.2/32", "172.16.0.6")).settle({ sources, policy }, true), all);
  assertEquals(
    table(ours("100.96.0.2/32", "172.16.0.6")).settle({ policy }, true),
    ["100.96.0.2/32", "172.16.0.6/32", "fd16::6/128"],
  );
});

Deno.test("as long as it is not known which routes there shall be, those that are there stay", () => {
  const { settle } = table(ours("100.96.0.0/12", "172.16.0.6"));
  assertEquals(settle({ keepsRoutes: true }), ["100.96.0.0/12 src 172.16.0.6"]);
});
