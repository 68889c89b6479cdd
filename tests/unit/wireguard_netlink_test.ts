import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { addressFromBytes } from "../../lib/ip/address.ts";
import { type Cidr, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import {
  isResolved,
  parseEndpoint,
  printEndpoint,
  type ResolvedEndpoint,
} from "../../lib/ip/endpoint.ts";
import { decodeFamilyId, getFamily } from "../../lib/netlink/genetlink.ts";
import { CONTROL, decodeMessages, FLAG } from "../../lib/netlink/message.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";
import type { DeviceConfig, Peer, PeerConfig } from "../../lib/wireguard/device.ts";
import {
  parsePrivateKey,
  type PublicKey,
  publicKeyFromBytes,
  ZERO_KEY,
} from "../../lib/wireguard/key.ts";
import { decodeDevice, encodeConfig, encodeGetDevice } from "../../lib/wireguard/netlink_codec.ts";
import dump from "./fixtures/device_dump.json" with { type: "json" };
import { type Attribute, bodyTree, inside, recorded } from "./fixtures/recorded.ts";
import { sentPeers, wireguardTree } from "./fixtures/sent_peers.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { propertyRuns } from "./property_runs.ts";

const cidr = (text: string) => parseCidr(text)!;
const endpoint = (text: string): ResolvedEndpoint => {
  const parsed = parseEndpoint(text);
  if (!parsed || !isResolved(parsed)) throw new Error(`no endpoint: ${text}`);
  return parsed;
};
const key = (number: number) => publicKeyFromBytes(new Uint8Array(32).fill(number, 1));

/** The recorder's kernel gave the family this number. */
const FAMILY = 0x16;
const GENERIC_HEADER = 4;

const RECORDED_KEY = "YSBrZXkgbWFkZSBmb3IgYSByZWNvcmRlZCB0ZXN0Li4=" as PublicKey;
const RECORDED_PEER = "dGhlIHBlZXIgb2YgYSByZWNvcmRlZCB0ZXN0Li4uLi4=" as PublicKey;

Deno.test("getFamily asks for the family as `wg` does", () => {
  const command = "wg set wg0 private-key # listen-port 51820 fwmark 0x10";
  const theirs = recorded(command, 16);
  const ours = getFamily("wireguard");
  assertEquals(bodyTree(ours.body, GENERIC_HEADER), bodyTree(theirs.body, GENERIC_HEADER));
});

/**
 * What `wg` sends with `allowed-ips` differs in one thing: it sets REPLACE_ALLOWEDIPS (2) on the peer,
 * which we never do.
 */
const REPLACING: Attribute = [3, "02000000"];
const GOLDEN: [command: string, peer: PeerConfig, theirsAlone: Attribute[]][] = [
  [
    `wg set wg0 peer ${RECORDED_KEY} endpoint 192.0.2.7:1234 persistent-keepalive 25 ` +
    "allowed-ips 10.5.0.0/16",
    {
      publicKey: RECORDED_KEY,
      endpoint: endpoint("192.0.2.7:1234"),
      persistentKeepalive: 25,
      allowedIPs: [cidr("10.5.0.0/16")],
    },
    [REPLACING],
  ],
  [
    `wg set wg0 peer ${RECORDED_PEER} endpoint [2001:db8::7]:1234`,
    { publicKey: RECORDED_PEER, endpoint: endpoint("[2001:db8::7]:1234") },
    [],
  ],
  [
    `wg set wg0 peer ${RECORDED_KEY} persistent-keepalive off`,
    { publicKey: RECORDED_KEY, persistentKeepalive: 0 },
    [],
  ],
  [`wg set wg0 peer ${RECORDED_KEY} remove`, { publicKey: RECORDED_KEY, remove: true }, []],
];

for (const [command, peer, theirsAlone] of GOLDEN) {
  Deno.test(`what we send is what \`${command}\` sends`, () => {
    const theirs = wireguardTree(recorded(command, FAMILY).body);
    const [ours, ...more] = encodeConfig("wg0", { peers: [peer] });
    assertEquals(more, []);
    const { header, attributes } = wireguardTree(ours!);
    const sent = addToPeer(attributes, theirsAlone);
    assertEquals({ header, attributes: sent }, theirs);
  });
}

/** The attributes of a message about one peer, with more told about that peer. */
function addToPeer(attributes: readonly Attribute[], more: Attribute[]): Attribute[] {
  const peer = inside(inside(attributes, 8), 0);
  const extended = [...peer, ...more].sort(([a], [b]) => a - b);
  return [...attributes.filter(([type]) => type !== 8), [8, [[0, extended]]]];
}

Deno.test("the device's settings are sent as `wg` sends them", async () => {
  const theirs = recorded("wg set wg0 private-key # listen-port 51820 fwmark 0x10", FAMILY);
  const privateKey = await parsePrivateKey(btoa("plain words, for a recorded test"));
  const config = { privateKey: privateKey!, listenPort: 51820, fwmark: 16, peers: [] };
  const [ours] = encodeConfig("wg0", config);
  assertEquals(wireguardTree(ours!), wireguardTree(theirs.body));
});

Deno.test("a recorded dump over several messages is read as `wg show` printed it", () => {
  const messages = dump.received.flatMap((hex) => decodeMessages(Uint8Array.fromHex(hex)));
  const bodies = messages.filter(({ type }) => type === FAMILY).map(({ body }) => body);
  assert(bodies.length > 4, "the dump is one of several messages");
  assertEquals(messages.at(-1)!.type, CONTROL.DONE);
  assert(messages.every(({ flags }) => !(flags & FLAG.DUMP_INTERRUPTED)));

  const device = decodeDevice(bodies);
  const [interfaceLine, ...peerLines] = dump.printed;
  const fwmark = device.fwmark === 0 ? "off" : `${device.fwmark}`;
  const { privateKey, listenPort } = device;
  const derived = interfaceLine!.split("\t")[1]!;
  assertEquals([privateKey!.toBase64(), derived, listenPort, fwmark].join("\t"), interfaceLine);
  assertEquals([...device.peers.values()].map(printedAsDump), peerLines);
  assertEquals(device.name, "wg0");
});

/** The line of `wg show IF dump`: wg(8). */
function printedAsDump(peer: Peer): string {
  return [
    peer.publicKey,
    "(none)",
    peer.endpoint ? printEndpoint(peer.endpoint) : "(none)",
    peer.allowedIPs.join(","),
    Math.floor(peer.lastHandshake / 1000),
    peer.rxBytes,
    peer.txBytes,
    peer.persistentKeepalive || "off",
  ].join("\t");
}

Deno.test("decodeDevice reads counters beyond 32 bits and the time of the last handshake", () => {
  const peer = "24000100" + "07".repeat(32) +
    "14000600" + "00e1f50500000000" + "80f0fa0200000000" + // 100000000.050000000 s
    "0c000700" + "0000000001000000" + "0c000800" + "0500000000000000";
  const body = "00010000" + "88000880" + "84000080" + peer;
  const device = decodeDevice([Uint8Array.fromHex(lengths(body))]);
  const publicKey = publicKeyFromBytes(new Uint8Array(32).fill(7));
  assertEquals(device.peers.get(publicKey), {
    publicKey,
    persistentKeepalive: 0,
    allowedIPs: [],
    lastHandshake: 100_000_000_050,
    rxBytes: 2 ** 32,
    txBytes: 5,
  });
});

/** Puts the right lengths on the two nests that the body begins with, whose contents go to its end. */
function lengths(hex: string): string {
  const bytes = Uint8Array.fromHex(hex);
  const view = new DataView(bytes.buffer);
  view.setUint16(4, bytes.length - 4, true);
  view.setUint16(8, bytes.length - 8, true);
  return bytes.toHex();
}

Deno.test("decodeDevice gives no private key where the kernel tells one of zeros", () => {
  const body = Uint8Array.fromHex("00010000" + "24000300" + "00".repeat(32));
  assertEquals("privateKey" in decodeDevice([body]), false);
});

Deno.test("a throw-away peer takes the prefixes and is removed right behind, in one message", () => {
  const allowedIPs = [cidr("10.1.0.0/16"), cidr("fd00::/64")];
  const bodies = encodeConfig("wg0", {
    peers: [{ publicKey: ZERO_KEY, remove: true, allowedIPs }],
  });
  assertEquals(bodies.map(sentPeers), [[
    { publicKey: ZERO_KEY, flags: 0, prefixes: 2, types: [1, 9] },
    { publicKey: ZERO_KEY, flags: 1, prefixes: 0, types: [1, 3] },
  ]]);
});

Deno.test("a peer of very many prefixes is continued, its settings told once, its removal last", () => {
  const allowedIPs = Array.from({ length: 2000 }, (_, i) => cidr(`10.0.${i >> 8}.${i & 255}`));
  const peer = {
    publicKey: key(1),
    remove: true,
    updateOnly: true,
    persistentKeepalive: 25,
    endpoint: endpoint("192.0.2.1:1"),
    allowedIPs,
  };
  const entries = encodeConfig("wg0", { peers: [peer] }).flatMap(sentPeers);
  assertEquals(entries.map(({ flags }) => flags), [4, 4, 4, 1]);
  assertEquals(entries.map(({ types }) => types), [[1, 3, 4, 5, 9], [1, 3, 9], [1, 3, 9], [1, 3]]);
  assertEquals(entries.reduce((sum, { prefixes }) => sum + prefixes, 0), 2000);
});

Deno.test("encodeConfig of nothing is one message with the name alone", () => {
  const bodies = encodeConfig("wg0", { peers: [] });
  assertEquals(bodies.map(wireguardTree), [{ header: "01010000", attributes: [[2, "77673000"]] }]);
  assertEquals(wireguardTree(encodeGetDevice("wg0")), {
    header: "00010000",
    attributes: [[2, "77673000"]],
  });
});

const anyPrefix: fc.Arbitrary<Cidr> = fc.boolean().chain((six) =>
  fc.tuple(
    fc.uint8Array({ minLength: six ? 16 : 4, maxLength: six ? 16 : 4 }),
    fc.nat(six ? 128 : 32),
  ).map(([bytes, prefixLength]) => networkOf({ address: addressFromBytes(bytes), prefixLength }))
);
const anyPeer: fc.Arbitrary<PeerConfig> = fc.record({
  publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(publicKeyFromBytes),
  remove: fc.boolean(),
  persistentKeepalive: fc.nat(0xffff),
  endpoint: fc.constantFrom(endpoint("192.0.2.1:1"), endpoint("[2001:db8::1]:65535")),
  allowedIPs: fc.oneof(
    fc.array(anyPrefix, { maxLength: 4 }),
    fc.tuple(anyPrefix, fc.integer({ min: 700, max: 3000 }))
      .map(([prefix, count]) => new Array<Cidr>(count).fill(prefix)),
  ),
}, { requiredKeys: ["publicKey"] });
const anyConfig: fc.Arbitrary<DeviceConfig> = fc.record({
  listenPort: fc.nat(0xffff),
  fwmark: fc.nat(0xffff_ffff),
  peers: fc.uniqueArray(anyPeer, { maxLength: 300, selector: (peer) => peer.publicKey }),
}, { requiredKeys: ["peers"] });

Deno.test("no message is longer than 30 kB, settings are in the first alone, nothing is lost", () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const bodies = encodeConfig("wg0", config);
      for (const [at, body] of bodies.entries()) {
        assert(body.length <= 30_000, `${body.length} bytes`);
        const types = wireguardTree(body).attributes.map(([type]) => type);
        assertEquals(types.includes(6), at === 0 && config.listenPort !== undefined);
        assertEquals(types.includes(7), at === 0 && config.fwmark !== undefined);
        assertEquals(types.includes(5), false, "the device's flags have only REPLACE_PEERS");
      }
      const sent = bodies.flatMap(sentPeers);
      assert(sent.every(({ flags }) => (flags & 2) === 0), "REPLACE_ALLOWEDIPS");
      const removed = sent.filter(({ flags }) => flags & 1).map(({ publicKey }) => publicKey);
      const wanted = config.peers.filter(({ remove }) => remove);
      assertEquals(removed, wanted.map(({ publicKey }) => publicKey));
      // Read as a device, the messages give each peer with all its prefixes in order.
      const read = decodeDevice(bodies);
      assertEquals(read.listenPort, config.listenPort ?? 0);
      assertEquals(read.fwmark, config.fwmark ?? 0);
      assertEquals([...read.peers.keys()], config.peers.map(({ publicKey }) => publicKey));
      for (const { publicKey, allowedIPs = [], remove = false } of config.peers) {
        const peer = read.peers.get(publicKey)!;
        assertEquals(peer.allowedIPs, allowedIPs);
        const last = sent.findLast((entry) => entry.publicKey === publicKey)!;
        assertEquals(last.flags & 1, remove ? 1 : 0);
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("a recorded dump with bytes changed is read, or is a SystemError", () => {
  const bodies = dump.received
    .flatMap((hex) => decodeMessages(Uint8Array.fromHex(hex)))
    .filter(({ type }) => type === FAMILY).map(({ body }) => body);
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new SeededRandom(seed);
      const body = random.pick(bodies);
      const cut = random.chance(0.5) ? random.below(body.length) : body.length;
      const mutated = body.slice(0, cut);
      for (let changes = 1 + random.below(8); changes > 0; changes--) {
        const value = random.chance(0.5) ? random.below(256) : random.pick([0, 1, 4, 255]);
        if (cut > 0) mutated[random.below(cut)] = value;
      }
      try {
        decodeDevice([mutated]);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }),
    { numRuns: propertyRuns(3000) },
  );
});

Deno.test("decodeDevice refuses keys, endpoints and prefixes of the wrong size", () => {
  const peer = (hex: string) => lengths("00010000" + "00000880" + "00000080" + hex);
  const publicKey = "24000100" + "07".repeat(32);
  for (
    const hex of [
      "00010000" + "08000300" + "01020304",
      peer("08000100" + "01020304"),
      peer("08000500" + "19000000"),
      peer(publicKey + "08000500" + "19000000"),
      peer(publicKey + "06000400" + "02000000"),
      peer(publicKey + "0c000400" + "0200ca6cc0000201".slice(0, 8)),
      peer(publicKey + "1c000980" + "18000080" + "06000100" + "02000000" + "08000200" + "0a000000"),
      peer(
        publicKey + "20000980" + "1c000080" + "06000100" + "02000000" + "08000200" + "0a000000" +
          "05000300" + "21000000",
      ),
    ]
  ) assertThrows(() => decodeDevice([Uint8Array.fromHex(hex)]), SystemError);
});

Deno.test("decodeFamilyId reads the number, and refuses an answer without one", () => {
  const answer = dump.received.flatMap((hex) => decodeMessages(Uint8Array.fromHex(hex)))[0]!;
  assertEquals(decodeFamilyId(answer.body), FAMILY);
  assertThrows(() => decodeFamilyId(getFamily("wireguard").body), SystemError);
});
