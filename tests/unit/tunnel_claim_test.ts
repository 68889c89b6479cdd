import { assertEquals, assertRejects } from "@std/assert";
import type { NetworkAccess } from "../../lib/netlink/network.ts";
import { Tunnel } from "../../lib/tunnel/tunnel.ts";
import { UserError } from "../../lib/user_error.ts";
import type { WireGuardBackend } from "../../lib/wireguard/device.ts";
import { privateKeyFromBytes } from "../../lib/wireguard/key.ts";
import { backendOf, networkOf } from "../simulation/process_kernel.ts";
import { SPOKES } from "../simulation/simulated_machine.ts";
import { SimulatedHost } from "../simulation/simulated_host.ts";

const UNSEEN = { begins() {}, after() {}, ends() {}, removed() {}, took() {} };

/** A tunnel on a machine on which somebody has made wg0. */
async function madeTunnel(): Promise<{ tunnel: Tunnel; host: SimulatedHost }> {
  const host = new SimulatedHost(SPOKES[0]!.underlays[0]!);
  const network: NetworkAccess = networkOf(host, () => {}, UNSEEN);
  const backend: WireGuardBackend = backendOf(host, () => {}, UNSEEN);
  await backend.create("wg0");
  return { tunnel: new Tunnel({ network, backend, name: "wg0", now: Date.now }), host };
}

Deno.test("a tunnel takes the interface that a program was killed over, before it said whose it is", async () => {
  const { tunnel } = await madeTunnel();
  assertEquals((await tunnel.claim(undefined, false))?.peers.size, 0);
});

Deno.test("a tunnel takes no interface with another key or with peers", async () => {
  const own = SPOKES[0]!.privateKey;
  const { tunnel, host } = await madeTunnel();
  host.wireguard!.ownKey = await privateKeyFromBytes(new Uint8Array(32).fill(7));
  await assertRejects(() => tunnel.claim(own, false), UserError, "another program");
  assertEquals((await tunnel.claim(own, true))?.name, "wg0", "unless it is told to");
  host.wireguard!.ownKey = own;
  assertEquals((await tunnel.claim(own, false))?.name, "wg0");
  host.wireguard!.ownKey = undefined;
  host.wireguard!.give(SPOKES[1]!.privateKey.publicKey, "10.0.0.0/8" as never);
  await assertRejects(() => tunnel.claim(own, false), UserError, "another program");
});

Deno.test("a tunnel removes what it claimed, also when somebody has cleared its alias", async () => {
  const own = SPOKES[0]!.privateKey;
  const { tunnel, host } = await madeTunnel();
  host.wireguard!.ownKey = own;
  assertEquals(tunnel.remove(), false, "nobody has said that it is ours");
  await tunnel.claim(own, false);
  assertEquals(tunnel.remove(), true);
  assertEquals(host.link("wg0"), undefined);
  assertEquals(tunnel.remove(), false);
});

Deno.test("a tunnel leaves an interface that was made anew by somebody else", async () => {
  const own = SPOKES[0]!.privateKey;
  const { tunnel, host } = await madeTunnel();
  host.wireguard!.ownKey = own;
  await tunnel.claim(own, false);
  host.deleteLink(host.link("wg0")!.index);
  await backendOf(host, () => {}, UNSEEN).create("wg0");
  assertEquals(tunnel.remove(), false);
});
