import { assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import type { SpokeFacts } from "../../lib/contract/tunnel_prefixes.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { isResolved } from "../../lib/ip/endpoint.ts";
import { HubFollower, type HubOptions } from "../../lib/spoke/hub_follower.ts";
import type { Device } from "../../lib/wireguard/device.ts";
import type { WantedPeers } from "../../lib/wireguard/plan_device.ts";
import * as arbitrary from "./arbitraries.ts";
import { cidrs } from "./claims.ts";

const KEYS = annotationKeys("wireguard.kube/");
const FACTS = { addresses: [], gateways: [], otherRoutes: [], resolvers: [] };

/** A follower with these options, and what it complains of. */
function followerOf(options: Partial<HubOptions> = {}) {
  const matters: string[] = [];
  const rotated: string[] = [];
  const follower = new HubFollower({
    options: {
      hubPublicKey: undefined,
      hubAllowedIPs: undefined,
      persistentKeepalive: 25,
      ...options,
    },
    keys: KEYS,
    ownKey: arbitrary.keyOf(1),
    names: {
      resolve: (endpoint) => isResolved(endpoint) ? endpoint : undefined,
      rotate: ({ host }) => void rotated.push(host),
    },
    says: {
      matter: (key, text) => {
        if (text) matters.push(key);
      },
      refusals: () => {},
    },
  });
  return { follower, matters, rotated };
}

const hubNode = (allowedIPs: string, endpoint = "192.0.2.1:51820") => ({
  name: "hub-1",
  uid: "1",
  createdAt: 0,
  labels: { [KEYS.hub]: MARKED },
  annotations: {
    [KEYS.publicKey]: arbitrary.keyOf(2),
    [KEYS.endpoint]: endpoint,
    [KEYS.allowedIPs]: allowedIPs,
  },
});

/** What a spoke is to route to a hub whose Node says that; undefined: as before. And its complaints. */
function follow(allowedIPs: string) {
  const { follower, matters } = followerOf();
  const peers = follower.peers([hubNode(allowedIPs)], FACTS, undefined, 0);
  return { prefixes: peers?.get(arbitrary.keyOf(2))?.allowedIPs, matters };
}

Deno.test("a spoke takes of the hub's prefixes those that it can use", () => {
  const taken = { prefixes: cidrs("100.96.0.0/12"), matters: [] };
  assertEquals(follow("100.96.0.0/12"), taken);
  assertEquals(follow("100.96.0.0/12,garbage,0.0.0.0/0"), taken);
  assertEquals(follow(""), { prefixes: [], matters: [] }, "the hub wants nothing");
});

Deno.test("a spoke keeps what it has while its hub names nothing but what cannot be used", () => {
  for (const text of ["garbage", "100.96.0.0/33", "0.0.0.0/0", "x,::/0"]) {
    assertEquals(follow(text), { prefixes: undefined, matters: ["hub's prefixes"] }, text);
  }
});

Deno.test("a hub that is known by a name needs name servers, also before the name has an address", () => {
  const { follower } = followerOf();
  assertEquals(follower.needsNames, false);
  follower.peers([hubNode("100.96.0.0/12", "hub.example:51820")], FACTS, undefined, 0);
  assertEquals(follower.needsNames, true);
  follower.peers([hubNode("100.96.0.0/12")], FACTS, undefined, 0);
  assertEquals(follower.needsNames, false);
});

const PINNED = arbitrary.keyOf(2);
/** Peers of these numbers as they are on the disk or on the interface. */
const peersOf = (allowedIPs: string, ...numbers: number[]): WantedPeers =>
  new Map(
    numbers.map(arbitrary.keyOf).map((publicKey) => [publicKey, {
      publicKey,
      endpoint: { host: "192.0.2.1" as IpAddress, port: 51820 },
      persistentKeepalive: 25,
      allowedIPs: cidrs(allowedIPs),
    }]),
  );

Deno.test("until the cluster is known, the hub is that of the disk, or the interface stays as it is", () => {
  const [two, three] = [peersOf("100.96.0.0/12", 2), peersOf("100.96.0.0/12", 3)];
  const table: [string, Partial<HubOptions>, WantedPeers | undefined, number[] | undefined][] = [
    ["no interface", {}, undefined, [2]],
    ["an interface without peers", {}, new Map(), [2]],
    ["an interface with a hub", {}, three, undefined],
    ["the same, and another pinned", { hubPublicKey: PINNED }, three, [2]],
    ["the pinned one", { hubPublicKey: PINNED }, peersOf("100.96.0.0/12", 2, 3), [2]],
    ["one that is nowhere pinned", { hubPublicKey: arbitrary.keyOf(9) }, three, []],
    ["the same on the disk alone", { hubPublicKey: arbitrary.keyOf(9) }, undefined, undefined],
  ];
  for (const [what, options, found, expected] of table) {
    const known = followerOf(options).follower.known(found, two);
    assertEquals(known && [...known.keys()], expected?.map(arbitrary.keyOf), what);
  }
  assertEquals(followerOf().follower.known(undefined, peersOf("", 1)), undefined, "ourselves");
});

Deno.test("what led to the last known hub is judged again by the options and the surroundings of now", () => {
  const known = peersOf("100.96.0.0/12 10.0.0.0/8 0.0.0.0/0", 2);
  const facts = { ...FACTS, gateways: ["10.0.0.1"] as IpAddress[] };
  const { follower, matters } = followerOf();
  const remembered = (options: Partial<HubOptions>, facts: SpokeFacts, peers = known) =>
    followerOf(options).follower.remembered(peers, facts)?.get(PINNED)?.allowedIPs;
  assertEquals(follower.remembered(known, facts), peersOf("100.96.0.0/12", 2));
  assertEquals(matters, ["last hub's prefixes"]);
  assertEquals(remembered({}, FACTS), cidrs("100.96.0.0/12 10.0.0.0/8"));
  const hubAllowedIPs = cidrs("172.16.0.0/16 0.0.0.0/0");
  assertEquals(remembered({ hubAllowedIPs }, facts), hubAllowedIPs);
  const two = peersOf("100.96.0.0/12", 2, 3);
  assertEquals(remembered({ hubAllowedIPs }, facts, two), cidrs("100.96.0.0/12"), "nobody's alone");
  assertEquals(follower.remembered(undefined, facts), undefined);
});

Deno.test("a hub that has not shaken hands for three minutes is looked for at its name's next address", () => {
  const node = hubNode("100.96.0.0/12", "hub.example:51820");
  const device = (lastHandshake: number): Device => ({
    name: "wg0",
    listenPort: 51820,
    fwmark: 0,
    peers: new Map([[PINNED, {
      publicKey: PINNED,
      persistentKeepalive: 25,
      allowedIPs: [],
      lastHandshake,
      rxBytes: 0,
      txBytes: 0,
    }]]),
  });
  const now = 10_000_000;
  const table: [Device | undefined, string[]][] = [
    [device(now - 179_000), []],
    [device(now - 181_000), ["hub.example"]],
    [device(0), ["hub.example"]],
    [undefined, ["hub.example"]],
  ];
  for (const [found, expected] of table) {
    const { follower, rotated } = followerOf();
    follower.peers([node], FACTS, found, now);
    assertEquals(rotated, expected);
  }
});
