import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { parseEndpoint, printEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import { applyConfig, ownersOf } from "../../lib/wireguard/apply_config.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import { generatePrivateKey, ZERO_KEY } from "../../lib/wireguard/key.ts";
import {
  planDevice,
  type WantedDevice,
  type WantedPeer,
  type WantedPeers,
} from "../../lib/wireguard/plan_device.ts";
import * as arbitrary from "./arbitraries.ts";

const privateKey = await generatePrivateKey();
const NOW = 1_000_000;

const wantedDevice = (peers?: WantedPeers): WantedDevice => ({
  privateKey,
  listenPort: 51820,
  fwmark: 0,
  ...(peers && { peers }),
});

/** Wanted peers, a device, and what was wanted before (undefined at adoption). */
const situation = fc.tuple(
  arbitrary.wantedPeers,
  arbitrary.foundDevice,
  fc.option(arbitrary.wantedPeers, { nil: undefined }),
);

/** The parts of a peer that are always made as wanted: all but the endpoint. */
const essence = (peers: WantedPeers) =>
  [...peers.values()].map(({ publicKey, persistentKeepalive, allowedIPs }) => ({
    publicKey,
    persistentKeepalive,
    allowedIPs: [...allowedIPs].sort(),
  })).sort((a, b) => a.publicKey < b.publicKey ? -1 : 1);

Deno.test("a plan that is applied gives what is wanted, and then there is nothing to do", () => {
  fc.assert(fc.property(situation, ([peers, found, lastWanted]) => {
    const wanted = wantedDevice(peers);
    const plan = planDevice(wanted, found, lastWanted, NOW);
    const done = plan ? applyConfig(found, plan) : found;
    assertEquals(done.privateKey?.publicKey, privateKey.publicKey);
    assertEquals([done.listenPort, done.fwmark], [51820, 0]);
    assertEquals(essence(done.peers), essence(peers));
    assertEquals(planDevice(wanted, done, peers, NOW), undefined);
    for (const peer of peers.values()) {
      const before = found.peers.get(peer.publicKey)?.endpoint;
      const after = done.peers.get(peer.publicKey)?.endpoint;
      const allowed = [before, peer.endpoint].map((one) => one && printEndpoint(one));
      assert(allowed.includes(after && printEndpoint(after)), "an endpoint from nowhere");
      if (!before) assertEquals(after, peer.endpoint);
    }
  }));
});

Deno.test("while a plan is applied no prefix that stays or moves is without its owners", () => {
  fc.assert(fc.property(situation, ([peers, found, lastWanted]) => {
    const plan = planDevice(wantedDevice(peers), found, lastWanted, NOW);
    const before = ownersOf(found.peers);
    const owners = new Map<Cidr, string>();
    for (const { publicKey, allowedIPs } of peers.values()) {
      for (const cidr of allowedIPs) owners.set(cidr, publicKey);
    }
    let at: Device = found;
    for (const change of plan?.peers ?? []) {
      at = applyConfig(at, { peers: [change] });
      const now = ownersOf(at.peers);
      for (const [cidr, old] of before) {
        const next = owners.get(cidr);
        if (next === undefined) continue; // is taken away
        const holder = now.get(cidr);
        assert(holder === old || holder === next, `${cidr} has ${holder ?? "no owner"}`);
      }
    }
  }));
});

Deno.test("a plan removes only peers that are not wanted, after all that is added", () => {
  fc.assert(fc.property(situation, ([peers, found, lastWanted]) => {
    const changes = planDevice(wantedDevice(peers), found, lastWanted, NOW)?.peers ?? [];
    const firstRemoval = changes.findIndex((change) => change.remove);
    for (const [at, change] of changes.entries()) {
      if (firstRemoval >= 0) assertEquals(change.remove ?? false, at >= firstRemoval);
      if (!change.remove) continue;
      assert(!peers.has(change.publicKey));
      assert(change.publicKey === ZERO_KEY || found.peers.has(change.publicKey));
    }
  }));
});

Deno.test("a plan tells only what differs, and makes no peer by mistake", () => {
  fc.assert(fc.property(situation, ([peers, found, lastWanted]) => {
    const changes = planDevice(wantedDevice(peers), found, lastWanted, NOW)?.peers ?? [];
    for (const change of changes.filter((change) => !change.remove)) {
      const before = found.peers.get(change.publicKey);
      assertEquals(change.updateOnly ?? false, before !== undefined);
      if (!before) continue;
      assertEquals(before.allowedIPs.filter((cidr) => change.allowedIPs?.includes(cidr)), []);
      assert(change.persistentKeepalive !== before.persistentKeepalive);
      assert(change.allowedIPs?.length !== 0);
      assert(change.endpoint || change.allowedIPs || change.persistentKeepalive !== undefined);
    }
  }));
});

Deno.test("peers that are not known yet stay as they are", () => {
  fc.assert(fc.property(arbitrary.foundDevice, (found) => {
    const plan = planDevice(wantedDevice(), { ...found, listenPort: 1 }, undefined, NOW);
    assertEquals(plan, { privateKey, listenPort: 51820, peers: [] });
    assertEquals(planDevice(wantedDevice(), { ...found, privateKey }, undefined, NOW), undefined);
  }));
});

Deno.test("settings are told only when they differ", () => {
  const found: Device = { name: "wg0", privateKey, listenPort: 1, fwmark: 16, peers: new Map() };
  const plan = (rest: Partial<Device>) =>
    planDevice(wantedDevice(new Map()), { ...found, ...rest }, undefined, NOW);
  assertEquals(plan({}), { listenPort: 51820, fwmark: 0, peers: [] });
  assertEquals(plan({ listenPort: 51820 }), { fwmark: 0, peers: [] });
  assertEquals(plan({ listenPort: 51820, fwmark: 0 }), undefined);
});

Deno.test("a narrowed peer loses its prefix to a throw-away peer, and keeps the rest untold", () => {
  const key = arbitrary.keyOf(1);
  const [kept, lost] = ["10.0.0.0/24", "10.0.1.0/24"] as Cidr[] as [Cidr, Cidr];
  const found = deviceWith({ publicKey: key, allowedIPs: [kept, lost] });
  const wanted = new Map([[key, { publicKey: key, persistentKeepalive: 0, allowedIPs: [kept] }]]);
  assertEquals(planDevice(wantedDevice(wanted), found, wanted, NOW), {
    peers: [{ publicKey: ZERO_KEY, allowedIPs: [lost], remove: true }],
  });
});

Deno.test("a widened peer keeps what lies within, for a throw-away peer would take its packets", () => {
  const key = arbitrary.keyOf(1);
  const [narrow, wide] = ["10.0.0.128/25", "10.0.0.0/24"] as Cidr[] as [Cidr, Cidr];
  const wanted = new Map([[key, { publicKey: key, persistentKeepalive: 0, allowedIPs: [wide] }]]);
  const planFor = (allowedIPs: Cidr[]) =>
    planDevice(wantedDevice(wanted), deviceWith({ publicKey: key, allowedIPs }), wanted, NOW);
  const peers = [{ publicKey: key, updateOnly: true, allowedIPs: [wide] }];
  assertEquals(planFor([narrow]), { peers });
  assertEquals(planFor([narrow, wide]), undefined);
});

const at = (text: string) => parseEndpoint(text) as ResolvedEndpoint;
const [HOME, ROAMED, MOVED] = ["192.0.2.1:1", "198.51.100.9:9", "[2001:db8::1]:1"].map(at) as [
  ResolvedEndpoint,
  ResolvedEndpoint,
  ResolvedEndpoint,
];

function deviceWith(peer: Partial<Peer> & Pick<Peer, "publicKey">): Device {
  const rest = { persistentKeepalive: 0, allowedIPs: [], lastHandshake: 0, rxBytes: 0, txBytes: 0 };
  const peers = new Map([[peer.publicKey, { ...rest, ...peer }]]);
  return { name: "wg0", privateKey, listenPort: 51820, fwmark: 0, peers };
}

interface EndpointCase {
  readonly name: string;
  readonly wanted?: ResolvedEndpoint;
  readonly found?: ResolvedEndpoint;
  /** What was wanted of the peer before; "adoption": nothing was wanted of anybody yet. */
  readonly last: ResolvedEndpoint | "none" | "adoption";
  /** The session's age in ms; absent: there was never a handshake. */
  readonly age?: number;
  readonly written: ResolvedEndpoint | undefined;
}

const ENDPOINT_CASES: readonly EndpointCase[] = [
  { name: "unchanged", wanted: HOME, found: HOME, last: HOME, age: 1, written: undefined },
  { name: "roamed, live", wanted: HOME, found: ROAMED, last: HOME, age: 1, written: undefined },
  { name: "roamed, dead", wanted: HOME, found: ROAMED, last: HOME, written: undefined },
  { name: "changed, live", wanted: MOVED, found: HOME, last: HOME, age: 1, written: MOVED },
  { name: "changed, roamed", wanted: MOVED, found: ROAMED, last: HOME, age: 1, written: MOVED },
  { name: "changed to there", wanted: MOVED, found: MOVED, last: HOME, written: undefined },
  { name: "said for the first time", wanted: HOME, found: ROAMED, last: "none", written: HOME },
  { name: "no longer said", found: HOME, last: HOME, age: 1, written: undefined },
  { name: "never said", found: ROAMED, last: "none", age: 1, written: undefined },
  { name: "not there", wanted: HOME, last: HOME, age: 1, written: HOME },
  { name: "adopted, same", wanted: HOME, found: HOME, last: "adoption", written: undefined },
  {
    name: "adopted, live session",
    wanted: HOME,
    found: ROAMED,
    last: "adoption",
    age: 180_000,
    written: undefined,
  },
  {
    name: "adopted, dead session",
    wanted: HOME,
    found: ROAMED,
    last: "adoption",
    age: 180_001,
    written: HOME,
  },
  { name: "adopted, no session", wanted: HOME, found: ROAMED, last: "adoption", written: HOME },
  { name: "adopted, none there", wanted: HOME, last: "adoption", age: 1, written: HOME },
  { name: "adopted, none said", found: ROAMED, last: "adoption", written: undefined },
];

for (const { name, wanted, found, last, age, written } of ENDPOINT_CASES) {
  Deno.test(`an endpoint is ${written ? "written" : "left alone"}: ${name}`, () => {
    const publicKey = arbitrary.keyOf(1);
    const peer = (endpoint: ResolvedEndpoint | undefined): WantedPeers =>
      new Map<typeof publicKey, WantedPeer>([[publicKey, {
        publicKey,
        persistentKeepalive: 0,
        allowedIPs: [],
        ...(endpoint && { endpoint }),
      }]]);
    const device = deviceWith({
      publicKey,
      lastHandshake: age === undefined ? 0 : NOW - age,
      ...(found && { endpoint: found }),
    });
    const lastWanted = last === "adoption" ? undefined : peer(last === "none" ? undefined : last);
    const plan = planDevice(wantedDevice(peer(wanted)), device, lastWanted, NOW);
    assertEquals(
      plan,
      written && { peers: [{ publicKey, updateOnly: true, endpoint: written }] },
    );
  });
}

Deno.test("an endpoint is written over a live peer's that has strayed, and left where it has not", () => {
  const at = (text: string) => parseEndpoint(text) as ResolvedEndpoint;
  const endpoint = at("192.0.2.1:1");
  const wanted: WantedPeer = {
    publicKey: arbitrary.keyOf(1),
    endpoint,
    persistentKeepalive: 0,
    allowedIPs: [],
  };
  const found = {
    ...wanted,
    endpoint: at("100.96.0.9:9"),
    lastHandshake: NOW,
    rxBytes: 0,
    txBytes: 0,
  };
  const peers = (strayed: boolean): WantedPeers =>
    new Map([[wanted.publicKey, strayed ? { ...wanted, strayed } : wanted]]);
  const device = {
    name: "wg0",
    privateKey,
    listenPort: 51820,
    fwmark: 0,
    peers: new Map([[found.publicKey, found]]),
  };
  for (const lastWanted of [peers(false), undefined]) {
    const plan = planDevice(wantedDevice(peers(true)), device, lastWanted, NOW);
    assertEquals(plan?.peers, [{ publicKey: wanted.publicKey, updateOnly: true, endpoint }]);
    assertEquals(planDevice(wantedDevice(peers(false)), device, lastWanted, NOW), undefined);
  }
});
