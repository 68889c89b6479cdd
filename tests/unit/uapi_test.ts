import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseCidr } from "../../lib/ip/cidr.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";
import { privateKeyFromBytes, publicKeyFromBytes, ZERO_KEY } from "../../lib/wireguard/key.ts";
import {
  decodeUapiDevice,
  encodeUapiConfig,
  parseReply,
  readReply,
} from "../../lib/wireguard/uapi_codec.ts";

const cidr = (text: string) => parseCidr(text)!;
const key = (byte: number) => publicKeyFromBytes(new Uint8Array(32).fill(byte));
const hex = (byte: number) => new Uint8Array(32).fill(byte).toHex();
const lines = (...texts: string[]) => `${texts.join("\n")}\n\n`;

const DEVICE = lines(
  `private_key=${hex(0x48)}`,
  "listen_port=12912",
  "fwmark=16",
  `public_key=${hex(1)}`,
  `preshared_key=${hex(0)}`,
  "protocol_version=1",
  "endpoint=[2001:db8::23]:51820",
  "last_handshake_time_sec=1700000000",
  "last_handshake_time_nsec=250999999",
  "tx_bytes=38333",
  "rx_bytes=2224",
  "persistent_keepalive_interval=111",
  "allowed_ip=192.168.4.4/32",
  "allowed_ip=fd00::/8",
  `public_key=${hex(2)}`,
  "endpoint=182.122.22.19:3233",
  "last_handshake_time_sec=0",
  "last_handshake_time_nsec=0",
  "persistent_keepalive_interval=0",
  "errno=0",
);

Deno.test("a device is read from the lines of a reply", () => {
  const device = decodeUapiDevice("wg0", parseReply(DEVICE).lines);
  assertEquals(device, {
    name: "wg0",
    privateKey: new Uint8Array(32).fill(0x48),
    listenPort: 12912,
    fwmark: 16,
    peers: new Map([
      [key(1), {
        publicKey: key(1),
        endpoint: { host: parseAddress("2001:db8::23")!, port: 51820 },
        persistentKeepalive: 111,
        allowedIPs: [cidr("192.168.4.4"), cidr("fd00::/8")],
        lastHandshake: 1_700_000_000_250,
        rxBytes: 2224,
        txBytes: 38333,
      }],
      [key(2), {
        publicKey: key(2),
        endpoint: { host: parseAddress("182.122.22.19")!, port: 3233 },
        persistentKeepalive: 0,
        allowedIPs: [],
        lastHandshake: 0,
        rxBytes: 0,
        txBytes: 0,
      }],
    ]),
  });
});

Deno.test("a device without a key, settings or peers is read as that", () => {
  const empty = { name: "wg0", listenPort: 0, fwmark: 0, peers: new Map() };
  assertEquals(decodeUapiDevice("wg0", parseReply("errno=0\n\n").lines), empty);
  const zeros = lines(`private_key=${hex(0)}`, "errno=0");
  assertEquals(decodeUapiDevice("wg0", parseReply(zeros).lines), empty);
});

Deno.test("the zone of an endpoint is left out", () => {
  const text = lines(`public_key=${hex(1)}`, "endpoint=[fe80::1%eth0]:7", "errno=0");
  const peer = decodeUapiDevice("wg0", parseReply(text).lines).peers.get(key(1));
  assertEquals(peer?.endpoint, { host: parseAddress("fe80::1")!, port: 7 });
});

Deno.test("parseReply reads error numbers of either sign", () => {
  assertEquals(parseReply("errno=22\n\n").errno, 22);
  assertEquals(parseReply("errno=-22\n\n").errno, 22);
});

/** A connection that gives these pieces, then its end. */
function connection(...pieces: string[]) {
  return {
    read(into: Uint8Array): Promise<number | null> {
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(piece, into).written);
    },
  };
}

Deno.test("a reply is read to its blank line, however it is split, and no further", async () => {
  for (let at = 0; at <= DEVICE.length; at++) {
    const pieces = [DEVICE.slice(0, at), DEVICE.slice(at), "never read"];
    assertEquals(await readReply(connection(...pieces)), DEVICE);
  }
});

Deno.test("a reply that breaks off is a SystemError", async () => {
  for (const pieces of [[], ["errno=0\n"], ["errno=0", "\n"]]) {
    await assertRejects(() => readReply(connection(...pieces)), SystemError);
  }
});

Deno.test("an unreadable reply is a SystemError that does not show its text", () => {
  const secret = hex(0x48);
  const texts = [
    "\n\n",
    lines(`private_key=${secret}`),
    lines(secret, "errno=0"),
    lines(`=${secret}`, "errno=0"),
    lines(`private_key=${secret}x`, "errno=0"),
    lines(`private_key=${secret.slice(2)}`, "errno=0"),
    lines(`listen_port=${secret}`, "errno=0"),
    lines("listen_port=65536", "errno=0"),
    lines("fwmark=-1", "errno=0"),
    lines(`public_key=${hex(1)}`, "allowed_ip=10.0.0.0/33", "errno=0"),
    lines(`public_key=${hex(1)}`, "endpoint=host.example:1", "errno=0"),
    lines(`public_key=${hex(1)}`, "endpoint=192.0.2.1:0", "errno=0"),
    lines(`public_key=${hex(1)}`, "rx_bytes=1e3", "errno=0"),
    lines("errno=zero"),
  ];
  for (const text of texts) {
    const read = () => decodeUapiDevice("wg0", parseReply(text).lines);
    const error: SystemError = assertThrows(read, SystemError);
    assertEquals([error.code, error.message.includes("4848")], ["EBADMSG", false]);
  }
});

Deno.test("a reply with characters changed is read, or is a SystemError", () => {
  const change = fc.tuple(
    fc.nat(DEVICE.length - 1),
    fc.constantFrom(..."=\n09af:./%[]-x", "\0", "é"),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const characters = [...DEVICE];
      for (const [at, character] of changes) characters[at] = character;
      try {
        decodeUapiDevice("wg0", parseReply(characters.join("")).lines);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a configuration is told setting by setting, peer by peer, nothing replaced", async () => {
  const privateKey = await privateKeyFromBytes(new Uint8Array(32).fill(0x48));
  const text = encodeUapiConfig({
    privateKey,
    listenPort: 51820,
    fwmark: 0,
    peers: [
      {
        publicKey: key(1),
        endpoint: { host: parseAddress("2001:db8::1")!, port: 7 },
        persistentKeepalive: 25,
        allowedIPs: [cidr("10.0.0.0/8"), cidr("fd00::/64")],
      },
      { publicKey: key(2), updateOnly: true, persistentKeepalive: 0 },
      { publicKey: key(3), remove: true },
    ],
  });
  assertEquals(
    text,
    lines(
      "set=1",
      `private_key=${hex(0x48)}`,
      "listen_port=51820",
      "fwmark=0",
      `public_key=${hex(1)}`,
      "endpoint=[2001:db8::1]:7",
      "persistent_keepalive_interval=25",
      "allowed_ip=10.0.0.0/8",
      "allowed_ip=fd00::/64",
      `public_key=${hex(2)}`,
      "update_only=true",
      "persistent_keepalive_interval=0",
      `public_key=${hex(3)}`,
      "remove=true",
    ),
  );
});

Deno.test("a throw-away peer takes its prefixes first and is removed then", () => {
  const peers = [{ publicKey: ZERO_KEY, remove: true, allowedIPs: [cidr("10.0.0.1")] }];
  assertEquals(
    encodeUapiConfig({ peers }),
    lines(
      "set=1",
      `public_key=${hex(0)}`,
      "allowed_ip=10.0.0.1/32",
      `public_key=${hex(0)}`,
      "remove=true",
    ),
  );
});
