import { assertEquals } from "@std/assert";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { Revival } from "../../lib/tunnel/revival.ts";
import type { Peer } from "../../lib/wireguard/device.ts";
import type { PublicKey } from "../../lib/wireguard/key.ts";
import { planDevice, type WantedPeer, type WantedPeers } from "../../lib/wireguard/plan_device.ts";
import { applyConfig } from "../../lib/wireguard/apply_config.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { keyOf } from "./arbitraries.ts";

const NOW = 1_000_000_000;
const endpointOf = (text: string) => parseEndpoint(text) as ResolvedEndpoint;

const peer = (number: number, rest: Partial<Peer> = {}): Peer => ({
  publicKey: keyOf(number),
  endpoint: endpointOf(`192.0.2.${number}:7`),
  persistentKeepalive: 0,
  allowedIPs: [`10.0.${number}.0/24` as Cidr],
  lastHandshake: NOW - 60_000,
  rxBytes: 1,
  txBytes: 1,
  ...rest,
});
const wantedPeer = (number: number, rest: Partial<WantedPeer> = {}): WantedPeer => ({
  publicKey: keyOf(number),
  persistentKeepalive: 0,
  allowedIPs: [`10.0.${number}.0/24` as Cidr],
  ...rest,
});
const byKey = <P extends { publicKey: PublicKey }>(...peers: P[]): ReadonlyMap<PublicKey, P> =>
  new Map(peers.map((one) => [one.publicKey, one]));

/** Each peer as `endpoint keepalive`. */
const shown = (peers: WantedPeers | undefined) =>
  peers &&
  [...peers.values()].map(({ endpoint, persistentKeepalive }) =>
    `${endpoint ? printEndpoint(endpoint) : "-"} ${persistentKeepalive}`
  );

const NONE = new Map<PublicKey, Peer>();

function remade(...known: Peer[]): Revival {
  const revival = new Revival();
  revival.remember(byKey(...known));
  revival.remember(NONE);
  return revival;
}

Deno.test("a revival changes nothing as long as the interface stands", () => {
  const revival = new Revival();
  const wanted = byKey(wantedPeer(1));
  assertEquals([revival.peers(wanted, NONE, NOW), revival.waitMs(NOW)], [wanted, undefined]);
  revival.remember(NONE); // made for the first time: nobody is known
  revival.remember(byKey(peer(1), peer(2)));
  revival.remember(byKey(peer(1), peer(2), peer(3)));
  assertEquals([revival.peers(wanted, NONE, NOW), revival.waitMs(NOW)], [wanted, undefined]);
  assertEquals(revival.peers(undefined, NONE, NOW), undefined);
});

Deno.test("a revival puts the last endpoint back with a keepalive, and takes that away after 2 s", () => {
  const revival = remade(peer(1));
  const wanted = byKey(wantedPeer(1, { endpoint: endpointOf("198.51.100.1:9") }), wantedPeer(2));
  assertEquals(shown(revival.peers(wanted, NONE, NOW)), ["192.0.2.1:7 1", "- 0"]);
  assertEquals(revival.waitMs(NOW), 2000);
  assertEquals(shown(revival.peers(wanted, NONE, NOW + 1999)), ["192.0.2.1:7 1", "- 0"]);
  assertEquals(revival.peers(wanted, NONE, NOW + 2000), wanted);
  assertEquals([revival.peers(wanted, NONE, NOW), revival.waitMs(NOW)], [wanted, undefined]);
});

Deno.test("a revival keeps a configured keepalive, and an endpoint learned meanwhile", () => {
  const wanted = byKey(wantedPeer(1, { persistentKeepalive: 25 }));
  assertEquals(shown(remade(peer(1)).peers(wanted, NONE, NOW)), ["192.0.2.1:7 25"]);
  const roamed = byKey(peer(1, { endpoint: endpointOf("192.0.2.99:7") }));
  assertEquals(shown(remade(peer(1)).peers(wanted, roamed, NOW)), ["- 25"]);
});

Deno.test("a revival does not call peers that sleep or were never there", () => {
  const wanted = byKey(wantedPeer(1), wantedPeer(2), wantedPeer(3));
  const { endpoint: _, ...silent } = peer(3);
  const revival = remade(
    peer(1, { lastHandshake: 0 }),
    peer(2, { lastHandshake: NOW - 301_000 }),
    silent,
  );
  assertEquals(shown(revival.peers(wanted, NONE, NOW)), ["- 0", "- 0", "- 0"]);
});

Deno.test("a revival makes peers what they were while it is not known what they should be", () => {
  const revival = remade(peer(1, { persistentKeepalive: 0 }), peer(2, { persistentKeepalive: 30 }));
  assertEquals(shown(revival.peers(undefined, NONE, NOW)), ["192.0.2.1:7 1", "192.0.2.2:7 30"]);
  const later = revival.peers(undefined, NONE, NOW + 3000)!;
  assertEquals(shown(later), ["192.0.2.1:7 0", "192.0.2.2:7 30"]);
  assertEquals(later.get(keyOf(1))!.allowedIPs, ["10.0.1.0/24"]);
  assertEquals(shown(revival.peers(byKey(wantedPeer(2)), NONE, NOW + 4000)), ["- 0"]);
  assertEquals(revival.peers(undefined, NONE, NOW + 5000), undefined);
});

Deno.test("a revival brings back one peer that somebody removed, and leaves the others alone", () => {
  const revival = new Revival();
  revival.remember(byKey(peer(1), peer(2)));
  const left = byKey(peer(2));
  revival.remember(left);
  const wanted = byKey(wantedPeer(1), wantedPeer(2));
  assertEquals(shown(revival.peers(wanted, left, NOW)), ["192.0.2.1:7 1", "- 0"]);
  assertEquals(shown(revival.peers(undefined, left, NOW)), ["192.0.2.1:7 1", "192.0.2.2:7 0"]);
  const without = byKey(wantedPeer(2));
  assertEquals(shown(revival.peers(without, left, NOW)), ["- 0"], "not wanted any more");
});

Deno.test("a revival calls a peer that was wanted no more, and is again", () => {
  const revival = new Revival();
  const both = byKey(peer(1), peer(2));
  revival.remember(both);
  const [wanted, without] = [byKey(wantedPeer(1), wantedPeer(2)), byKey(wantedPeer(2))];
  assertEquals(shown(revival.peers(without, both, NOW)), ["- 0"], "its Node was deleted");
  const left = byKey(peer(2));
  revival.remember(left);
  assertEquals(shown(revival.peers(without, left, NOW + 1000)), ["- 0"]);
  assertEquals(revival.waitMs(NOW + 1000), undefined);
  const back = NOW + 100_000;
  assertEquals(shown(revival.peers(wanted, left, back)), ["192.0.2.1:7 1", "- 0"]);
  assertEquals(shown(revival.peers(wanted, both, back + 2000)), ["- 0", "- 0"]);
});

Deno.test("a revival calls all peers that are awake before the port changes", () => {
  const revival = new Revival();
  const found = byKey(peer(1), peer(2, { lastHandshake: 0 }));
  revival.callAll(NONE);
  assertEquals(revival.peers(undefined, found, NOW), undefined, "nobody to call");
  revival.callAll(found);
  assertEquals(shown(revival.peers(byKey(wantedPeer(1), wantedPeer(2)), found, NOW)), [
    "- 1",
    "- 0",
  ]);
  assertEquals(revival.waitMs(NOW), 2000);
});

Deno.test("a revival that does not know who is wanted ends with the keepalives that there were", () => {
  const revival = new Revival();
  revival.callAll(byKey(peer(1), peer(2, { persistentKeepalive: 30 })));
  const called = byKey(peer(1, { persistentKeepalive: 1 }), peer(2, { persistentKeepalive: 30 }));
  assertEquals(shown(revival.peers(undefined, called, NOW)), ["192.0.2.1:7 1", "192.0.2.2:7 30"]);
  revival.remember(called);
  const later = shown(revival.peers(undefined, called, NOW + 2000));
  assertEquals(later, ["192.0.2.1:7 0", "192.0.2.2:7 30"]);
});

Deno.test("a revival forgets a peer that has been away for long, and one that never answered", () => {
  const revival = new Revival();
  const found = byKey(peer(1), peer(2, { lastHandshake: 0 }));
  revival.remember(found);
  const wanted = byKey(wantedPeer(1), wantedPeer(2));
  assertEquals(shown(revival.peers(new Map(), found, NOW)), []);
  revival.remember(NONE);
  assertEquals(shown(revival.peers(wanted, NONE, NOW + 241_000)), ["- 0", "- 0"]);
});

Deno.test("a revival calls those whom an earlier program knew, as soon as it is known who is wanted", () => {
  const revival = new Revival();
  revival.recall(new Map([[keyOf(1), endpointOf("192.0.2.1:7")]]), NOW);
  revival.remember(NONE);
  assertEquals(shown(revival.peers(undefined, NONE, NOW)), []);
  const later = NOW + 60_000;
  assertEquals(shown(revival.peers(byKey(wantedPeer(1)), NONE, later)), ["192.0.2.1:7 1"]);
  assertEquals(shown(revival.peers(byKey(wantedPeer(1)), NONE, later + 2000)), ["- 0"]);
});

Deno.test("a revival ends when the clock goes back, rather than wait until it has caught up", () => {
  const revival = remade(peer(1));
  const wanted = byKey(wantedPeer(1));
  assertEquals(shown(revival.peers(wanted, NONE, NOW)), ["192.0.2.1:7 1"]);
  const earlier = NOW - 86_400_000;
  assertEquals(revival.waitMs(earlier), undefined);
  assertEquals(shown(revival.peers(wanted, NONE, earlier)), ["- 0"]);
});

Deno.test("a revival that is broken off by the next remembers the handshakes before the first", () => {
  const revival = remade(peer(1));
  revival.remember(byKey(peer(1, { lastHandshake: 0 })));
  revival.remember(NONE);
  assertEquals(shown(revival.peers(byKey(wantedPeer(1)), NONE, NOW + 1000)), ["192.0.2.1:7 1"]);
});

Deno.test("a revived interface ends as it is wanted, with the peer where it was last", async () => {
  const privateKey = await generatePrivateKey();
  const wanted = byKey(wantedPeer(1, { endpoint: endpointOf("198.51.100.1:9") }));
  const device = (peers: WantedPeers) => ({ privateKey, listenPort: 1, fwmark: 0, peers });
  const revival = remade(peer(1));
  const bare = { name: "wg0", privateKey, listenPort: 1, fwmark: 0, peers: NONE };
  const first = device(revival.peers(wanted, bare.peers, NOW)!);
  const made = applyConfig(bare, planDevice(first, bare, undefined, NOW)!);
  const second = device(revival.peers(wanted, made.peers, NOW + 2000)!);
  const done = applyConfig(made, planDevice(second, made, wanted, NOW + 2000)!);
  const { endpoint, persistentKeepalive } = done.peers.get(keyOf(1))!;
  assertEquals([printEndpoint(endpoint!), persistentKeepalive], ["192.0.2.1:7", 0]);
});

Deno.test("a revival takes nothing from a peer that was given it meanwhile", () => {
  const both = ["10.0.1.0/24", "10.9.0.4/32"] as Cidr[];
  const revival = remade(peer(1, { allowedIPs: both }));
  const found = byKey(peer(2, { allowedIPs: ["10.9.0.4/32" as Cidr] }));
  const peers = revival.peers(undefined, found, NOW);
  assertEquals(
    [...peers?.values() ?? []].map(({ publicKey, allowedIPs }) => [publicKey, allowedIPs]),
    [[keyOf(1), ["10.0.1.0/24"]], [keyOf(2), ["10.9.0.4/32"]]],
  );
});
