import { assert, assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, cidrContains } from "../../lib/ip/cidr.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import { backendOf, networkOf } from "../simulation/process_kernel.ts";
import { SimulatedHost } from "../simulation/simulated_host.ts";
import { HUBS } from "../simulation/simulated_machine.ts";
import { keyOf } from "../simulation/simulated_nodes.ts";

const UNSEEN = { begins() {}, after() {}, ends() {}, removed() {}, took() {} };
const PEER = "100.96.0.7/32" as Cidr;

Deno.test("whatever addresses an interface gets, a peer within their network has a route at each step", async () => {
  const host = new SimulatedHost(HUBS[0]!.underlays[0]!);
  let steps = 0;
  let isWatched = false;
  const step = () => {
    steps++;
    const index = host.link("wg0")?.index;
    const isReached = host.routes.some((route) =>
      route.interfaceIndex === index && cidrContains(route.destination, PEER)
    );
    assert(isReached || !isWatched, `step ${steps}`);
  };
  const network = networkOf(host, step, UNSEEN);
  const tunnel = new Tunnel({
    network,
    backend: backendOf(host, step, UNSEEN),
    name: "wg0",
    now: Date.now,
  });
  const publicKey = keyOf(7);
  const peers = new Map([[publicKey, { publicKey, persistentKeepalive: 0, allowedIPs: [PEER] }]]);
  const wanted = (address: string, prefixLength: number) => ({
    addresses: [{ address: address as IpAddress, prefixLength }],
    mtu: 1420,
    device: { privateKey: HUBS[0]!.privateKey, listenPort: 1, fwmark: 0, peers },
  });
  const moves = [["100.96.0.1", 32], ["100.96.0.1", 12], ["100.96.0.1", 32], ["100.96.0.9", 16], [
    "10.9.0.1",
    24,
  ]] as const;
  for (const [address, prefixLength] of moves) {
    await tunnel.reconcile(wanted(address, prefixLength), true);
    isWatched = true;
    const { index } = host.link("wg0")!;
    const shown = host.addresses.filter(({ interfaceIndex }) => interfaceIndex === index);
    assertEquals(shown.map((one) => `${one.address}/${one.prefixLength}`), [
      `${address}/${prefixLength}`,
    ]);
  }
});
