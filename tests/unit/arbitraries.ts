import fc from "fast-check";
import { addressFromBytes, familyOf, type IpAddress, unmapAddress } from "../../lib/ip/address.ts";
import { bitsOf, type Cidr, type InterfaceAddress, networkOf } from "../../lib/ip/cidr.ts";
import { type Endpoint, printEndpoint, type ResolvedEndpoint } from "../../lib/ip/endpoint.ts";
import type { Device, Peer } from "../../lib/wireguard/device.ts";
import { type PublicKey, publicKeyFromBytes } from "../../lib/wireguard/key.ts";
import type { WantedPeer, WantedPeers } from "../../lib/wireguard/plan_device.ts";

/** Bytes of which zeros are frequent, so that `::` is met in every place. */
const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
const bytes = (length: number) =>
  fc.array(byte, { minLength: length, maxLength: length }).map((list) => Uint8Array.from(list));

/** Any address in canonical form. */
export const address: fc.Arbitrary<IpAddress> = fc.oneof(bytes(4), bytes(16)).map(addressFromBytes);

/** An address with the length of its network. */
export const interfaceAddress: fc.Arbitrary<InterfaceAddress> = fc.tuple(address, fc.nat(128)).map((
  [address, length],
) => ({ address, prefixLength: Math.min(length, bitsOf(familyOf(address))) }));

/** Any network. */
export const cidr: fc.Arbitrary<Cidr> = interfaceAddress.map(networkOf);

/** Networks of a small range, so that many of them overlap. */
export const closeCidr: fc.Arbitrary<Cidr> = fc.oneof(
  fc.tuple(fc.nat(15), fc.integer({ min: 24, max: 32 })).map(([last, prefixLength]) =>
    networkOf({ address: `10.0.0.${last * 16}` as IpAddress, prefixLength })
  ),
  fc.tuple(fc.nat(7), fc.integer({ min: 60, max: 64 })).map(([last, prefixLength]) =>
    networkOf({ address: `fd00:0:0:${last}::` as IpAddress, prefixLength })
  ),
);

const port = fc.integer({ min: 1, max: 65535 });

/** An endpoint whose host is an address; never a mapped one, as parsing gives none. */
export const resolvedEndpoint: fc.Arbitrary<ResolvedEndpoint> = fc.record({
  host: address.map(unmapAddress),
  port,
});

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);

/** An endpoint by address or by name. */
export const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
  resolvedEndpoint,
  fc.record({
    host: fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
    port,
  }),
);

/** The key of a small number other than 0: tests need few of them, and the same ones again. */
export function keyOf(number: number): PublicKey {
  const bytes = new Uint8Array(32);
  bytes[0] = number;
  return publicKeyFromBytes(bytes);
}

const PREFIXES = Array.from({ length: 12 }, (_, i) => `10.0.0.${i}/32` as Cidr);
const PEERS = 5;

/** Shares out prefixes among peers of numbers 1 to 5: which peers there are, and whose each prefix is. */
const shares = fc.record({
  peers: fc.uniqueArray(fc.integer({ min: 1, max: PEERS })),
  owners: fc.array(fc.nat(PEERS), { minLength: PREFIXES.length, maxLength: PREFIXES.length }),
}).map(({ peers, owners }) =>
  new Map(peers.map((peer) => [peer, PREFIXES.filter((_, i) => owners[i] === peer)]))
);

const fewEndpoints = fc.constantFrom<ResolvedEndpoint>(
  { host: "192.0.2.1" as IpAddress, port: 1 },
  { host: "192.0.2.1" as IpAddress, port: 2 },
  { host: "2001:db8::1" as IpAddress, port: 1 },
);

/** What a peer is beside its key and prefixes; endpoint and keepalive are often the same. */
const wantedRest = fc.record({
  endpoint: fewEndpoints,
  persistentKeepalive: fc.constantFrom(0, 25),
}, { requiredKeys: ["persistentKeepalive"] });

const foundRest = fc.record({
  endpoint: fewEndpoints,
  persistentKeepalive: fc.constantFrom(0, 25),
  lastHandshake: fc.constantFrom(0, 500_000, 999_000),
  rxBytes: fc.nat(9),
  txBytes: fc.nat(9),
}, { requiredKeys: ["persistentKeepalive", "lastHandshake", "rxBytes", "txBytes"] });

function peersOf<Rest>(rest: fc.Arbitrary<Rest>) {
  return fc.tuple(shares, fc.array(rest, { minLength: PEERS, maxLength: PEERS })).map((
    [shares, rests],
  ) =>
    new Map(
      [...shares].map(([number, allowedIPs]) => {
        const publicKey = keyOf(number);
        return [publicKey, { publicKey, allowedIPs, ...rests[number - 1]! }];
      }),
    )
  );
}

/** Up to five peers that share out a dozen prefixes: what is wanted. */
export const wantedPeers: fc.Arbitrary<WantedPeers> = peersOf<Omit<WantedPeer, "publicKey">>(
  wantedRest as fc.Arbitrary<Omit<WantedPeer, "publicKey">>,
);

/** A device with peers of the same keys and prefixes: what is found. */
export const foundDevice: fc.Arbitrary<Device> = peersOf(
  foundRest as fc.Arbitrary<Omit<Peer, "publicKey" | "allowedIPs">>,
).map((peers) => ({ name: "wg0", listenPort: 51820, fwmark: 0, peers }));

/** What a stranger may write where an address, a list or an endpoint is expected. */
export const strangersText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.array(
    fc.constantFrom(
      ..."0123456789abcdef.:/,[]%x \n\r\t\0\u2028\u202e\u007f\ud800".split(""),
      "::",
      "/32",
      "10.0.0.1",
      "fd00::",
      "]:51820",
      "ffff",
    ),
    { maxLength: 40 },
  ).map((pieces) => pieces.join("")),
  endpoint.map(printEndpoint),
  fc.array(cidr).map((list) => list.join(", ")),
);
