import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { applyConfig, ownersOf } from "../../lib/wireguard/apply_config.ts";
import type { Device, Peer, PeerConfig } from "../../lib/wireguard/device.ts";
import { generatePrivateKey, type PublicKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import * as arbitrary from "./arbitraries.ts";

const [A, B, C] = [1, 2, 3].map(arbitrary.keyOf) as [PublicKey, PublicKey, PublicKey];
const [X, Y, Z] = ["10.0.0.0/24", "10.0.1.0/24", "fd00::/64"] as Cidr[] as [Cidr, Cidr, Cidr];
const endpoint = { host: "192.0.2.1", port: 51820 } as ResolvedEndpoint;

const peer = (publicKey: PublicKey, allowedIPs: readonly Cidr[], rest: Partial<Peer> = {}) => ({
  publicKey,
  persistentKeepalive: 0,
  allowedIPs,
  lastHandshake: 0,
  rxBytes: 0,
  txBytes: 0,
  ...rest,
});

const device = (...peers: readonly Peer[]): Device => ({
  name: "wg0",
  listenPort: 51820,
  fwmark: 0,
  peers: new Map(peers.map((peer) => [peer.publicKey, peer])),
});

const after = (
  found: Device,
  ...peers: readonly PeerConfig[]
) => [...applyConfig(found, { peers }).peers.values()];

Deno.test("applyConfig() makes a peer that is not there", () => {
  const told = { publicKey: A, endpoint, persistentKeepalive: 25, allowedIPs: [X, Z] };
  const made = peer(A, [X, Z], { endpoint, persistentKeepalive: 25 });
  assertEquals(after(device(), told), [made]);
  assertEquals(after(device(), { publicKey: A }), [peer(A, [])]);
});

Deno.test("applyConfig() changes of a peer only what it is told", () => {
  const before = peer(A, [X], { endpoint, persistentKeepalive: 25, lastHandshake: 7, rxBytes: 1 });
  assertEquals(after(device(before), { publicKey: A }), [before]);
  assertEquals(after(device(before), { publicKey: A, allowedIPs: [Y] }), [
    { ...before, allowedIPs: [X, Y] },
  ]);
  assertEquals(after(device(before), { publicKey: A, persistentKeepalive: 0 }), [
    { ...before, persistentKeepalive: 0 },
  ]);
});

Deno.test("applyConfig() takes a prefix from whoever has it", () => {
  const found = device(peer(A, [X, Y]), peer(B, []));
  assertEquals(after(found, { publicKey: B, allowedIPs: [X] }), [peer(A, [Y]), peer(B, [X])]);
  const swapped = after(
    device(peer(A, [X]), peer(B, [Y])),
    { publicKey: A, allowedIPs: [Y] },
    { publicKey: B, allowedIPs: [X] },
  );
  assertEquals(swapped, [peer(A, [Y]), peer(B, [X])]);
});

Deno.test("applyConfig() adds a prefix once, however often it is told", () => {
  const found = device(peer(A, [X]));
  assertEquals(after(found, { publicKey: A, allowedIPs: [X, Y, Y] }), [peer(A, [X, Y])]);
  assertEquals(after(found, { publicKey: B, allowedIPs: [X, X] }), [peer(A, []), peer(B, [X])]);
});

Deno.test("applyConfig() keeps nested prefixes of two peers apart, as the kernel does", () => {
  const narrow = "10.0.0.0/25" as Cidr;
  const peers = after(device(peer(A, [X])), { publicKey: B, allowedIPs: [narrow] });
  assertEquals(peers, [peer(A, [X]), peer(B, [narrow])]);
});

Deno.test("applyConfig() removes a peer with all its prefixes", () => {
  const found = device(peer(A, [X]), peer(B, [Y]));
  assertEquals(after(found, { publicKey: A, remove: true }), [peer(B, [Y])]);
  const again = after(found, { publicKey: A, remove: true }, { publicKey: A, allowedIPs: [Z] });
  assertEquals(again, [peer(B, [Y]), peer(A, [Z])]);
});

Deno.test("applyConfig() ignores the removal and the change of a peer that is not there", () => {
  const found = device(peer(A, [X]));
  assertEquals(after(found, { publicKey: B, remove: true }), [peer(A, [X])]);
  const changes = [{ endpoint }, { allowedIPs: [X] }, { remove: true, allowedIPs: [X] }];
  for (const change of changes) {
    assertEquals(after(found, { publicKey: B, updateOnly: true, ...change }), [peer(A, [X])]);
  }
});

Deno.test("applyConfig() lets a throw-away peer take prefixes along", () => {
  const found = device(peer(A, [X, Y]), peer(B, [Z]));
  const told = { publicKey: ZERO_KEY, allowedIPs: [X, Z], remove: true };
  assertEquals(after(found, told), [peer(A, [Y]), peer(B, [])]);
});

Deno.test("applyConfig() knows no peer with the interface's own key", async () => {
  const privateKey = await generatePrivateKey();
  const own = privateKey.publicKey;
  const found = { ...device(peer(A, [X])), privateKey };
  assertEquals(after(found, { publicKey: own, allowedIPs: [X, Y] }), [peer(A, [X])]);
  const { peers } = applyConfig(device(peer(A, [X]), peer(own, [Y])), {
    privateKey,
    peers: [{ publicKey: B, allowedIPs: [Y] }],
  });
  assertEquals([...peers.values()], [peer(A, [X]), peer(B, [Y])]);
});

Deno.test("applyConfig() changes settings that are told, 0 among them", async () => {
  const privateKey = await generatePrivateKey();
  const found = { ...device(), fwmark: 16, privateKey };
  assertEquals(applyConfig(found, { peers: [] }), found);
  assertEquals(applyConfig(found, { listenPort: 1, fwmark: 0, peers: [] }), {
    ...found,
    listenPort: 1,
    fwmark: 0,
  });
  const other = await generatePrivateKey();
  assertEquals(applyConfig(found, { privateKey: other, peers: [] }).privateKey, other);
});

const change: fc.Arbitrary<PeerConfig> = fc.record({
  publicKey: fc.constantFrom(A, B, C),
  remove: fc.boolean(),
  updateOnly: fc.boolean(),
  allowedIPs: fc.array(fc.nat(11).map((last) => `10.0.0.${last}/32` as Cidr), { maxLength: 4 }),
}, { requiredKeys: ["publicKey"] });

Deno.test("applyConfig() never leaves a prefix with two peers, nor touches what it was given", () => {
  fc.assert(fc.property(arbitrary.foundDevice, fc.array(change), (found, changes) => {
    const copy = structuredClone(found);
    const { peers } = applyConfig(found, { peers: changes });
    const all = [...peers.values()].flatMap((peer) => peer.allowedIPs);
    assertEquals(all.length, new Set(all).size);
    assertEquals(ownersOf(peers).size, all.length);
    assertEquals(found, copy);
  }));
});

Deno.test("applyConfig() of a list is that of its parts one after the other", () => {
  fc.assert(fc.property(arbitrary.foundDevice, fc.array(change), (found, changes) => {
    const stepwise = changes.reduce((at, change) => applyConfig(at, { peers: [change] }), found);
    assertEquals(applyConfig(found, { peers: changes }), stepwise);
  }));
});
