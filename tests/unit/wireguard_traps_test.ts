/**
 * The traps of the kernel's WireGuard interface, each by what is sent: on one CPU the races do not
 * show in lost packets. With packets: tests/tunnel/narrowing_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Cidr } from "../../lib/ip/cidr.ts";
import type { Device, DeviceConfig } from "../../lib/wireguard/device.ts";
import {
  generatePrivateKey,
  privateKeyFromBytes,
  publicKeyFromBytes,
  ZERO_KEY,
} from "../../lib/wireguard/key.ts";
import { decodeDevice, encodeConfig } from "../../lib/wireguard/netlink_codec.ts";
import {
  planDevice,
  type WantedDevice,
  type WantedPeers,
} from "../../lib/wireguard/plan_device.ts";
import * as arbitrary from "./arbitraries.ts";
import { FACTS, judge } from "./claims.ts";
import { inside, valueOf } from "./fixtures/recorded.ts";
import { type SentPeer, sentPeers, wireguardTree } from "./fixtures/sent_peers.ts";

/** linux/wireguard.h, as sent_peers.ts gives them. */
const FLAG = { REMOVE_ME: 1, REPLACE_ALLOWEDIPS: 2, UPDATE_ONLY: 4 };
const DEVICE = { PRIVATE_KEY: 3, FLAGS: 5, LISTEN_PORT: 6, FWMARK: 7 };
/** A nested attribute's length is 16 bits. */
const NEST_BYTES = 65_535;
const NOW = 1_000_000;
const privateKey = await generatePrivateKey();

const wantedDevice = (peers: WantedPeers): WantedDevice => ({
  privateKey,
  listenPort: 51820,
  fwmark: 0,
  peers,
});
const nobody: Device = {
  name: "wg0",
  privateKey,
  listenPort: 51820,
  fwmark: 0,
  peers: new Map(),
};

/** So many peers, each with so many prefixes of its own. */
function manyPeers(count: number, prefixes: number): WantedPeers {
  return new Map(Array.from({ length: count }, (_, at) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, at + 1);
    const publicKey = publicKeyFromBytes(bytes);
    const allowedIPs = Array.from({ length: prefixes }, (_, prefix) => {
      const number = at * prefixes + prefix;
      return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32` as Cidr;
    });
    return [publicKey, { publicKey, persistentKeepalive: 0, allowedIPs }];
  }));
}

/** The interface once a plan for these peers was carried out. */
const deviceOf = (peers: WantedPeers): Device => ({
  ...nobody,
  peers: new Map([...peers].map(([key, peer]) => [
    key,
    { ...peer, lastHandshake: 0, rxBytes: 0, txBytes: 0 },
  ])),
});

/** What is sent so that the one becomes the other. */
function bodiesFor(wanted: WantedPeers, found: Device): Uint8Array[] {
  const plan = planDevice(wantedDevice(wanted), found, undefined, NOW);
  return plan ? encodeConfig("wg0", plan) : [];
}

const situation = fc.tuple(arbitrary.wantedPeers, arbitrary.foundDevice);

/** The bodies for any situation, read again. */
function everyMessage(check: (bodies: Uint8Array[], found: Device) => void): void {
  fc.assert(fc.property(situation, ([wanted, found]) => check(bodiesFor(wanted, found), found)));
}

Deno.test("trap: REPLACE_PEERS is never sent, for it ends every session of the interface", () => {
  everyMessage((bodies) => {
    for (const body of bodies) {
      assertEquals(valueOf(wireguardTree(body).attributes, DEVICE.FLAGS), undefined);
    }
  });
});

Deno.test("trap: REPLACE_ALLOWEDIPS is never sent, for it leaves kept prefixes without an owner", () => {
  everyMessage((bodies) => {
    const flags = bodies.flatMap(sentPeers).map((peer) => peer.flags);
    assert(flags.every((one) => (one & FLAG.REPLACE_ALLOWEDIPS) === 0));
  });
});

Deno.test("trap: a prefix that a peer keeps is not told again when the peer is widened or narrowed", () => {
  const [key, kept, more] = [arbitrary.keyOf(1), "10.0.0.0/24" as Cidr, "10.0.1.0/24" as Cidr];
  const peers = (...allowedIPs: Cidr[]): WantedPeers =>
    new Map([[key, { publicKey: key, persistentKeepalive: 0, allowedIPs }]]);
  const sent = (wanted: WantedPeers, found: WantedPeers) =>
    bodiesFor(wanted, deviceOf(found)).flatMap(sentPeers)
      .map(({ publicKey, flags, prefixes }) => [publicKey, flags, prefixes]);
  assertEquals(sent(peers(kept, more), peers(kept)), [[key, FLAG.UPDATE_ONLY, 1]]);
  assertEquals(sent(peers(kept), peers(kept, more)), [
    [ZERO_KEY, 0, 1],
    [ZERO_KEY, FLAG.REMOVE_ME, 0],
  ]);
});

Deno.test("trap: many narrowings share one throw-away peer, one message and so one removal", () => {
  const before = manyPeers(100, 3);
  const after: WantedPeers = new Map([...before].map(([key, peer]) => [
    key,
    { ...peer, allowedIPs: peer.allowedIPs.slice(0, 1) },
  ]));
  const bodies = bodiesFor(after, deviceOf(before));
  assertEquals(bodies.map((body) => sentPeers(body).map(inShort)), [[
    { publicKey: ZERO_KEY, flags: 0, prefixes: 200 },
    { publicKey: ZERO_KEY, flags: FLAG.REMOVE_ME, prefixes: 0 },
  ]]);
});

Deno.test("trap: key, port and mark are told when they change, and in the first message alone", () => {
  const peers = manyPeers(2000, 1);
  const settings = (body: Uint8Array) => {
    const { attributes } = wireguardTree(body);
    return Object.entries(DEVICE).filter(([, type]) => valueOf(attributes, type)).map(([name]) =>
      name
    );
  };
  const fresh: Device = { name: "wg0", listenPort: 0, fwmark: 16, peers: new Map() };
  const [first, ...rest] = bodiesFor(peers, fresh);
  assert(rest.length > 1);
  assertEquals(settings(first!), ["PRIVATE_KEY", "LISTEN_PORT", "FWMARK"]);
  assertEquals(rest.flatMap(settings), []);
  assertEquals(bodiesFor(peers, nobody).flatMap(settings), []);
});

Deno.test("trap: a key that is not clamped is not told again to an interface that has clamped it", async () => {
  const bytes = new Uint8Array(32).fill(0xff);
  const kernels = bytes.slice();
  kernels[0] = 0xf8; // curve25519_clamp_secret() of crypto/curve25519.h
  kernels[31] = 0x7f;
  const wanted = { ...wantedDevice(new Map()), privateKey: await privateKeyFromBytes(bytes) };
  const found = { ...nobody, privateKey: await privateKeyFromBytes(kernels) };
  assertEquals(planDevice(wanted, found, undefined, NOW), undefined);
  assertEquals(wanted.privateKey.bytes(), kernels);
});

Deno.test("trap: a nest of peers is no longer than its 16 bits of length can say, for any number", () => {
  for (const count of [899, 900, 950, 5000]) {
    const peers = manyPeers(count, 1);
    const bodies = bodiesFor(peers, nobody);
    assert(bodies.every((body) => body.length <= NEST_BYTES), `${count} peers`);
    assertEquals(bodies.flatMap(sentPeers).map(({ publicKey }) => publicKey), [...peers.keys()]);
  }
});

Deno.test("trap: a peer of very many prefixes is continued in further messages, and never replaced", () => {
  const peers = manyPeers(1, 10_000);
  const [key] = peers.keys();
  const bodies = bodiesFor(peers, nobody);
  assert(bodies.length > 5);
  assert(bodies.every((body) => body.length <= NEST_BYTES));
  const sent = bodies.flatMap(sentPeers);
  assertEquals([...new Set(sent.map(({ publicKey, flags }) => `${publicKey} ${flags}`))], [
    `${key} 0`,
  ]);
  assertEquals(sent.reduce((sum, { prefixes }) => sum + prefixes, 0), 10_000);
  assertEquals([...decodeDevice(bodies).peers.get(key!)!.allowedIPs], peers.get(key!)!.allowedIPs);
});

Deno.test("trap: one peer that a dump spreads over several messages is one peer, with all its prefixes", () => {
  const [first, second] = [["10.0.0.0/24", "10.0.1.0/24"], ["fd00::/64"]] as Cidr[][];
  const publicKey = arbitrary.keyOf(1);
  const part = (allowedIPs: Cidr[]): DeviceConfig => ({ peers: [{ publicKey, allowedIPs }] });
  const bodies = [first!, second!].flatMap((prefixes) => encodeConfig("wg0", part(prefixes)));
  const { peers } = decodeDevice(bodies);
  assertEquals([...peers.keys()], [publicKey]);
  assertEquals(peers.get(publicKey)!.allowedIPs, [...first!, ...second!]);
});

Deno.test("trap: an unknown peer is neither removed nor updated, which the kernel would not tell", () => {
  everyMessage((bodies, found) => {
    const known = new Set<string>(found.peers.keys());
    for (const { publicKey, flags } of bodies.flatMap(sentPeers)) {
      if (publicKey === ZERO_KEY) continue;
      const mustExist = (flags & (FLAG.REMOVE_ME | FLAG.UPDATE_ONLY)) !== 0;
      assertEquals(mustExist, known.has(publicKey));
    }
  });
});

Deno.test("trap: the device's own key is refused to every Node, for the kernel ignores such a peer", () => {
  const ours = { node: "n1", createdAt: 1, publicKey: FACTS.ownKey, faults: [] };
  const { admitted, refusals } = judge([{ ...ours, allowedIPs: ["10.1.0.0/24" as Cidr] }]);
  assertEquals([...admitted.keys()], []);
  assertEquals(refusals.map(({ reason }) => reason), ["is the hub's own"]);
});

Deno.test("trap: WGALLOWEDIP_A_FLAGS is never sent, for a kernel before 6.16 refuses the message", () => {
  everyMessage((bodies) => {
    for (const body of bodies) {
      for (const peer of inside(wireguardTree(body).attributes, 8)) {
        for (const prefix of inside(inside([peer], 0), 9)) {
          assertEquals(inside([prefix], 0).map(([type]) => type), [1, 2, 3]);
        }
      }
    }
  });
});

function inShort({ publicKey, flags, prefixes }: SentPeer) {
  return { publicKey, flags, prefixes };
}
