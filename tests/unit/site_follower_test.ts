import { assert, assertEquals } from "@std/assert";
import { annotationKeys } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import type { Refusal } from "../../lib/contract/refusal.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { parseEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { SiteFollower } from "../../lib/spoke/site_follower.ts";
import { SETTLE, SILENCE } from "../../lib/spoke/site_link.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import type { WantedPeers } from "../../lib/wireguard/plan_device.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { keyOf } from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const keys = annotationKeys("p/");
const HUB = keyOf(100);
const WALL = 5_000_000;
const THREE = keyOf(3);

const node = (number: number): NodeView => ({
  name: `edge-${number}`,
  uid: `${number}`,
  createdAt: 0,
  labels: { [keys.peer]: "true", [keys.site]: "lab" },
  annotations: {
    [keys.publicKey]: keyOf(number),
    [keys.allowedIPs]: `100.96.0.${number}/32`,
    [keys.vpcIP]: `10.9.0.${number}`,
  },
});

/** The follower of a spoke 100.96.0.2 in the site, and what it says. */
function follower(allowedIPs = "100.96.0.2/32", persistentKeepalive = 25) {
  const said: string[] = [];
  const refused: string[] = [];
  const publication = {
    role: "peer" as const,
    publicKey: keyOf(2),
    allowedIPs: cidrs(allowedIPs),
    site: { name: "lab" },
  };
  const address = [{ address: "100.96.0.2" as IpAddress, prefixLength: 32 }];
  const site = SiteFollower.of({
    options: { listenPort: 51900, address, persistentKeepalive },
    nodeName: "edge-2",
    keys,
    ownKey: keyOf(2),
    publication,
    says: {
      did: (text, fields) => said.push(`${fields.node}: ${text}`),
      matter: (_, text) => text && said.push(text),
      refusals: (refusals: readonly Refusal[]) =>
        refused.splice(0, Infinity, ...refusals.map(({ node, value }) => `${node} ${value}`)),
    },
  })!;
  return { site, said, refused };
}

const hub = (allowedIPs: string): WantedPeers =>
  new Map([[HUB, { publicKey: HUB, persistentKeepalive: 25, allowedIPs: cidrs(allowedIPs) }]]);
const around = (...nodes: readonly NodeView[]) => ({
  peers: new Map(nodes.map((node) => [node.name, node])),
  hubs: new Map(),
  addresses: ["10.9.0.2"] as IpAddress[],
  routes: cidrs("10.9.0.0/24"),
  gateways: [],
  resolvers: [],
  apiServers: [{ address: "192.0.2.9" as IpAddress, port: 6443 }],
});

function device(peer: Partial<Peer>): Device {
  const three: Peer = {
    publicKey: THREE,
    endpoint: parseEndpoint("10.9.0.3:51900") as ResolvedEndpoint,
    persistentKeepalive: 10,
    allowedIPs: [],
    lastHandshake: 0,
    rxBytes: 0,
    txBytes: 0,
    ...peer,
  };
  return { name: "wg0", listenPort: 51900, fwmark: 0, peers: new Map([[THREE, three]]) };
}

const at = (ms: number) => ({ steady: ms, wall: WALL + ms });
/** Which prefixes each peer has, by the number of its key. */
const owned = (peers: WantedPeers) =>
  [...peers].map(([key, { allowedIPs }]) =>
    `${key === HUB ? "hub" : key === THREE ? "edge-3" : key} ${allowedIPs}`
  );

Deno.test("a prefix moves from the hub to the peer of the site and back, and always has one owner", () => {
  const { site, said } = follower();
  const wide = hub("100.96.0.0/12 100.96.0.3/32");
  const nodes = around(node(2), node(3));
  const first = site.peers(wide, nodes, undefined, at(0));
  assertEquals(owned(first), ["hub 100.96.0.0/12,100.96.0.3/32", "edge-3 "]);
  assertEquals(first.get(THREE), {
    publicKey: THREE,
    endpoint: { host: "10.9.0.3" as IpAddress, port: 51900 },
    persistentKeepalive: 10,
    allowedIPs: [],
  });
  assertEquals(site.lookAgainMs(at(0)), 1000);
  const shaken = device({ lastHandshake: WALL + 500, rxBytes: 92 });
  assertEquals(owned(site.peers(wide, nodes, shaken, at(1000))), owned(first));
  assertEquals(site.lookAgainMs(at(1000)), SETTLE - 500);
  const moved = site.peers(wide, nodes, shaken, at(500 + SETTLE));
  assertEquals(owned(moved), ["hub 100.96.0.0/12", "edge-3 100.96.0.3/32"]);
  const lost = site.peers(wide, nodes, shaken, at(500 + SETTLE + SILENCE));
  assertEquals(owned(lost), ["hub 100.96.0.0/12,100.96.0.3/32"]);
  assertEquals(said.map((line) => line.split(",")[0]), [
    "edge-3: site peer: reached directly",
    "edge-3: site peer: nothing came from it for a minute",
  ]);
});

Deno.test("a program that ends leaves the kernel no peer whose prefixes nobody would move", async () => {
  const { site } = follower();
  const nodes = around(node(3), node(4));
  const held = device({ allowedIPs: cidrs("100.96.0.3/32"), lastHandshake: WALL, rxBytes: 1 });
  const peers = site.peers(hub("100.96.0.0/12"), nodes, held, at(0));
  assertEquals([...peers.keys()], [HUB, THREE, keyOf(4)]);
  const settings = { privateKey: await generatePrivateKey(), listenPort: 51900, fwmark: 0 };
  const wanted = { addresses: [], mtu: 1420, device: { ...settings, peers } };
  assertEquals([...site.settled(wanted).device.peers!.keys()], [HUB, THREE]);
  const unknown = { ...wanted, device: settings };
  assertEquals(site.settled(unknown), unknown);
});

Deno.test("until it is known who the peers are, those of the interface stay as they are", () => {
  const { site } = follower();
  const held = device({ allowedIPs: cidrs("100.96.0.3/32"), lastHandshake: WALL, rxBytes: 1 });
  const unknown = { ...around(), peers: undefined };
  const before = site.peers(hub("100.96.0.0/12"), unknown, held, at(0));
  assertEquals(owned(before), ["hub 100.96.0.0/12", "edge-3 100.96.0.3/32"]);
  const after = site.peers(hub("100.96.0.0/12"), around(node(3)), held, at(100));
  assertEquals(owned(after), owned(before));
  // One that has left the site goes at once: its Node says so to both.
  assertEquals(owned(site.peers(hub("100.96.0.0/12"), around(), held, at(200))), [
    "hub 100.96.0.0/12",
  ]);
});

Deno.test("what the interface held before a restart stays its holder's, whoever else claims it", () => {
  const { site, refused } = follower();
  const held = device({ allowedIPs: cidrs("100.96.0.3/32"), lastHandshake: WALL, rxBytes: 1 });
  const liar = node(4);
  const nodes = around(
    { ...liar, annotations: { ...liar.annotations, [keys.allowedIPs]: "100.96.0.3/32" } },
    node(3),
  );
  const peers = site.peers(hub("100.96.0.0/12"), nodes, held, at(0));
  assertEquals(owned(peers), ["hub 100.96.0.0/12", "edge-3 100.96.0.3/32"]);
  assertEquals([site.nameOf(THREE), refused], ["edge-3", ["edge-4 100.96.0.3/32"]]);
});

Deno.test("peers of a site always have a keepalive: without one nobody could tell a dead one", () => {
  for (const [given, kept] of [[0, 10], [5, 5], [25, 10]] as const) {
    const { site } = follower(undefined, given);
    const peers = site.peers(hub("100.96.0.0/12"), around(node(3)), undefined, at(0));
    assertEquals(peers.get(THREE)?.persistentKeepalive, kept);
  }
});

Deno.test("no peer of the site gets the API server, the hub's endpoint, or what lies around them", () => {
  const claims = (number: number, address: string): NodeView => {
    const { annotations, ...rest } = node(number);
    return { ...rest, annotations: { ...annotations, [keys.allowedIPs]: `${address}/32` } };
  };
  const nodes = {
    ...around(
      claims(3, "192.0.2.9"),
      claims(4, "192.0.2.1"),
      claims(5, "192.0.2.53"),
      claims(6, "100.96.0.77"),
    ),
    resolvers: ["192.0.2.53"] as IpAddress[],
  };
  const everything = hub("0.0.0.0/0");
  const endpoint = { host: "192.0.2.1" as IpAddress, port: 51820 };
  const wide = new Map([[HUB, { ...everything.get(HUB)!, endpoint }]]);
  const { site, refused } = follower();
  assertEquals(owned(site.peers(wide, nodes, undefined, at(0))), ["hub 0.0.0.0/0"]);
  assertEquals(refused.sort(), [
    "edge-3 192.0.2.9/32",
    "edge-4 192.0.2.1/32",
    "edge-5 192.0.2.53/32",
    "edge-6 100.96.0.77/32",
  ]);
});

Deno.test("a spoke that asks for a network says why it has no peers in its site", () => {
  const { site, said } = follower("100.96.0.2/32 100.97.0.0/24");
  const peers = site.peers(hub("100.96.0.0/12"), around(node(3)), undefined, at(0));
  assertEquals(owned(peers), ["hub 100.96.0.0/12"]);
  assert(said[0]?.includes("100.97.0.0/24"), `${said}`);
  assertEquals(site.lookAgainMs(at(0)), Infinity);
});
