import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { addressFromBytes, type IpAddress } from "../../lib/ip/address.ts";
import { type Cidr, networkOf, parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { decodeAssignedAddress, deleteAddress, newAddress } from "../../lib/netlink/addresses.ts";
import { changeLink, decodeLink, getLink, newLink, removeLink } from "../../lib/netlink/links.ts";
import type { NetlinkMessage, NetlinkRequest } from "../../lib/netlink/message.ts";
import {
  decodeRoute,
  deleteRoute,
  lookUpRoute,
  matchesRoute,
  newRoute,
  type Route,
} from "../../lib/netlink/routes.ts";
import { decodeRule, deleteRule, newRule, type Rule } from "../../lib/netlink/rules.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";
import { bodyTree, INTERFACE_INDEX, type Nesting, recorded } from "./fixtures/recorded.ts";

const cidr = (text: string) => parseCidr(text)!;
const address = (text: string) => text as IpAddress;
const withLength = (text: string) => parseInterfaceAddress(text)!;

/** What the socket adds itself: that it is a request and wants an acknowledgement. */
const SOCKET_FLAGS = 0x5;

const LINK_NESTING: Nesting = { 18: {} };

interface Golden {
  readonly command: string;
  readonly ours: NetlinkRequest;
  readonly header: number;
  readonly nesting?: Nesting;
}

const wg0 = { interfaceIndex: INTERFACE_INDEX };
const ours87 = { table: 254, protocol: 87 };

const GOLDEN: Golden[] = [
  {
    command: "ip link add wg0 type wireguard",
    ours: newLink("wg0", "wireguard"),
    header: 16,
    nesting: LINK_NESTING,
  },
  {
    command: "ip link set wg0 mtu 1380",
    ours: changeLink(INTERFACE_INDEX, { mtu: 1380 }),
    header: 16,
  },
  { command: "ip link set wg0 up", ours: changeLink(INTERFACE_INDEX, { up: true }), header: 16 },
  {
    command: "ip link set wg0 alias wg-kube",
    ours: changeLink(INTERFACE_INDEX, { alias: "wg-kube" }),
    header: 16,
  },
  { command: "ip link del wg0", ours: removeLink(INTERFACE_INDEX), header: 16 },
  {
    command: "ip address add 100.96.0.1/12 dev wg0",
    ours: newAddress(INTERFACE_INDEX, withLength("100.96.0.1/12")),
    header: 8,
  },
  {
    command: "ip address add fd00:96::1/64 dev wg0",
    ours: newAddress(INTERFACE_INDEX, withLength("fd00:96::1/64")),
    header: 8,
  },
  {
    command: "ip address del 100.96.0.1/12 dev wg0",
    ours: deleteAddress(INTERFACE_INDEX, withLength("100.96.0.1/12")),
    header: 8,
  },
  {
    command: "ip address del fd00:96::1/64 dev wg0",
    ours: deleteAddress(INTERFACE_INDEX, withLength("fd00:96::1/64")),
    header: 8,
  },
  {
    command: "ip route add 10.1.0.0/16 dev wg0 proto 87",
    ours: newRoute({ ...wg0, ...ours87, destination: cidr("10.1.0.0/16") }),
    header: 12,
  },
  {
    command: "ip route add 10.2.0.0/16 dev wg0 proto 87 table 1000 metric 7 src 100.96.0.1",
    ours: newRoute({
      ...wg0,
      destination: cidr("10.2.0.0/16"),
      protocol: 87,
      table: 1000,
      priority: 7,
      preferredSource: address("100.96.0.1"),
    }),
    header: 12,
  },
  {
    command: "ip route add 10.3.0.0/16 via 100.96.0.9 proto 87",
    ours: newRoute({
      ...ours87,
      destination: cidr("10.3.0.0/16"),
      gateway: address("100.96.0.9"),
    }),
    header: 12,
  },
  {
    command: "ip route add default dev wg0 proto 87 table 1001",
    ours: newRoute({ ...wg0, destination: cidr("0.0.0.0/0"), protocol: 87, table: 1001 }),
    header: 12,
  },
  {
    command: "ip route add fd00:1::/48 dev wg0 proto 87",
    ours: newRoute({ ...wg0, ...ours87, destination: cidr("fd00:1::/48") }),
    header: 12,
  },
  {
    command: "ip route add fd00:2::/48 via fd00:96::9 dev wg0 proto 87 table 1000",
    ours: newRoute({
      ...wg0,
      destination: cidr("fd00:2::/48"),
      gateway: address("fd00:96::9"),
      protocol: 87,
      table: 1000,
    }),
    header: 12,
  },
  {
    command: "ip route del 10.1.0.0/16 dev wg0 proto 87",
    ours: deleteRoute({ ...wg0, ...ours87, destination: cidr("10.1.0.0/16") }),
    header: 12,
  },
  {
    command: "ip route get 10.3.0.1 mark 16",
    ours: lookUpRoute(address("10.3.0.1"), { mark: 16 }),
    header: 12,
  },
  { command: "ip route get fd00:1::1", ours: lookUpRoute(address("fd00:1::1")), header: 12 },
  {
    command:
      "ip rule add priority 32763 to 192.0.2.1/32 ipproto tcp dport 6443 lookup main protocol 87",
    ours: newRule({
      ...ours87,
      family: 4,
      priority: 32763,
      to: cidr("192.0.2.1"),
      ipProtocol: 6,
      destinationPort: 6443,
    }),
    header: 12,
  },
  {
    command: "ip rule add priority 32764 not fwmark 0x10 lookup 1000 protocol 87",
    ours: newRule({
      family: 4,
      priority: 32764,
      inverted: true,
      mark: 16,
      table: 1000,
      protocol: 87,
    }),
    header: 12,
  },
  {
    command:
      "ip rule add priority 32765 iif wg0 from 10.0.0.0/8 fwmark 0x10/0xff lookup 1000 protocol 87",
    ours: newRule({
      family: 4,
      priority: 32765,
      iif: "wg0",
      from: cidr("10.0.0.0/8"),
      mark: 0x10,
      mask: 0xff,
      table: 1000,
      protocol: 87,
    }),
    header: 12,
  },
  {
    command: "ip -6 rule add priority 32765 lookup main suppress_prefixlength 0 protocol 87",
    ours: newRule({ ...ours87, family: 6, priority: 32765, suppressPrefixLength: 0 }),
    header: 12,
  },
  {
    command: "ip rule del priority 32764 not fwmark 0x10 lookup 1000 protocol 87",
    ours: deleteRule({
      family: 4,
      priority: 32764,
      inverted: true,
      mark: 16,
      table: 1000,
      protocol: 87,
    }),
    header: 12,
  },
];

for (const { command, ours, header, nesting } of GOLDEN) {
  Deno.test(`what we send is what \`${command}\` sends`, () => {
    const theirs = recorded(command, ours.type);
    assertEquals(ours.flags, theirs.flags & ~SOCKET_FLAGS);
    assertEquals(bodyTree(ours.body, header, nesting), bodyTree(theirs.body, header, nesting));
  });
}

Deno.test("newLink and getLink refuse names that no interface can have", () => {
  for (const name of ["", "sixteen-letters!", "a b", "a/b", "ä".repeat(8), "a\0b"]) {
    assertThrows(() => newLink(name, "wireguard"), RangeError);
    assertThrows(() => getLink(name), RangeError);
  }
});

/** A request to make a thing, read back as if the kernel told of it. */
const told = ({ type, flags, body }: NetlinkRequest): NetlinkMessage => ({
  type,
  flags,
  body,
  sequence: 0,
  portId: 0,
});

Deno.test("decodeLink reads index, name, kind, MTU, alias and whether it is up", () => {
  assertEquals(decodeLink(told(newLink("wg0", "wireguard"))), {
    index: 0,
    name: "wg0",
    kind: "wireguard",
    mtu: 0,
    up: false,
  });
  assertEquals(decodeLink(told(changeLink(7, { up: true, mtu: 1420, alias: "wg-kube" }))), {
    index: 7,
    name: "",
    mtu: 1420,
    alias: "wg-kube",
    up: true,
  });
  assertEquals(decodeLink(told(removeLink(7))), undefined);
});

Deno.test("decodeRoute reads a route with several next hops, one by a gateway of the other family", () => {
  const body = Uint8Array.fromHex(
    "02080000fe03000100000000" + // IPv4, /8, main, boot, universe, unicast
      "080001000a000000" + // to 10.0.0.0
      "34000900" + // several ways:
      "10000000" + "03000000" + "08000500c0000201" + // by interface 3, 192.0.2.1
      "20000000" + "04000000" + // by interface 4,
      "160012000a00fe8000000000000000000000000000010000", // fe80::1
  );
  assertEquals(decodeRoute({ type: 24, flags: 2, sequence: 1, portId: 1, body }), {
    destination: "10.0.0.0/8",
    table: 254,
    protocol: 3,
    scope: 0,
    type: 1,
    nextHops: [
      { interfaceIndex: 3, gateway: "192.0.2.1" },
      { interfaceIndex: 4, gateway: "fe80::1" },
    ],
  });
});

Deno.test("decodeRoute reads an MTU, and whether the kernel has learned it on the way", () => {
  const look = (flags: string, expiry: string) =>
    decodeRoute({
      type: 24,
      flags: 0,
      sequence: 1,
      portId: 1,
      body: Uint8Array.fromHex(
        "02200000fe000001" + flags + // IPv4, /32, main, universe, unicast
          "08000100cb007101" + // to 203.0.113.1
          "0800040003000000" + // by interface 3
          "0c000800" + "08000200" + "14050000" + // metrics: an MTU of 1300
          "24000c00" + "0000000000000000" + expiry + "00000000".repeat(5), // struct rta_cacheinfo
      ),
    }, { cloned: true });
  const { mtu, isLearned } = look("00020000", "55020000")!;
  assertEquals([mtu, isLearned], [1300, true]);
  assertEquals(look("00020000", "00000000")!.isLearned, undefined, "it stands in the route");
  assertEquals(look("00000000", "55020000")!.isLearned, undefined, "a router has announced it");
});

Deno.test("matchesRoute compares only what the filter has, and looks at every next hop", () => {
  const route: Route = {
    destination: cidr("10.0.0.0/8"),
    table: 254,
    protocol: 87,
    nextHops: [{ interfaceIndex: 3 }, { interfaceIndex: 4 }],
  };
  assertEquals(matchesRoute({}, route), true);
  assertEquals(matchesRoute({ interfaceIndex: 4, protocol: 87, table: 254 }, route), true);
  assertEquals(matchesRoute({ interfaceIndex: 5 }, route), false);
  assertEquals(matchesRoute({ table: 255 }, route), false);
  assertEquals(matchesRoute({ protocol: 2 }, route), false);
});

const anyBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyAddress = (family: 4 | 6) => anyBytes(family === 4 ? 4 : 16).map(addressFromBytes);
const anyCidr = (family: 4 | 6): fc.Arbitrary<Cidr> =>
  fc.tuple(anyAddress(family), fc.nat(family === 4 ? 32 : 128))
    .map(([address, prefixLength]) => networkOf({ address, prefixLength }));
const anyFamily = fc.constantFrom<4 | 6>(4, 6);
const u32 = fc.nat(0xffff_ffff);

Deno.test("an address that is written is read back the same", () => {
  fc.assert(fc.property(anyFamily.chain(anyAddress), fc.nat(32), u32, (address, length, index) => {
    const written = { address, prefixLength: length };
    const read = decodeAssignedAddress(told(newAddress(index, written)));
    assertEquals(read, { ...written, interfaceIndex: index });
  }));
});

const anyRoute = anyFamily.chain((family): fc.Arbitrary<Route> =>
  fc.record({
    destination: anyCidr(family),
    table: u32,
    protocol: fc.nat(255),
    scope: fc.nat(255),
    type: fc.nat(255),
    interfaceIndex: u32,
    gateway: anyAddress(family),
    preferredSource: anyAddress(family),
    priority: u32,
  }, { requiredKeys: ["destination", "table", "protocol", "scope", "type"] })
);

Deno.test("a route that is written is read back the same", () => {
  fc.assert(fc.property(anyRoute, (route) => {
    assertEquals(decodeRoute(told(newRoute(route))), route);
  }));
});

const anyRule = anyFamily.chain((family): fc.Arbitrary<Rule> =>
  fc.record({
    family: fc.constant(family),
    priority: u32,
    table: u32,
    protocol: fc.nat(255),
    mark: u32,
    mask: fc.nat(0xffff_fffe),
    from: anyCidr(family),
    to: anyCidr(family),
    iif: fc.constantFrom("lo", "wg0", "a-name-so-long."),
    oif: fc.constantFrom("lo", "wg0", "a-name-so-long."),
    ipProtocol: fc.nat(255),
    destinationPort: fc.nat(0xffff),
    inverted: fc.constant(true),
    suppressPrefixLength: fc.nat(128),
    action: fc.integer({ min: 2, max: 255 }),
  }, { requiredKeys: ["family", "priority", "table", "protocol"] })
);

Deno.test("a rule that is written is read back the same", () => {
  fc.assert(fc.property(anyRule, (rule) => {
    assertEquals(decodeRule(told(newRule(rule))), rule);
  }));
});

Deno.test("whatever bytes a message has, reading it gives a thing or a SystemError", () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(...GOLDEN.map(({ ours }) => ours.body)).chain((body) =>
      fc.tuple(fc.nat(body.length), fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255))))
        .map(([cut, changes]) => {
          const mutated = body.slice(0, cut);
          for (const [at, value] of changes) if (at < cut) mutated[at] = value;
          return mutated;
        })
    ),
  );
  const decoders = { 16: decodeLink, 20: decodeAssignedAddress, 24: decodeRoute, 32: decodeRule };
  fc.assert(
    fc.property(bodies, (body) => {
      for (const [type, decode] of Object.entries(decoders)) {
        try {
          decode({ type: Number(type), flags: 0, sequence: 0, portId: 0, body });
        } catch (error) {
          if (!(error instanceof SystemError)) throw error;
        }
      }
    }),
    { numRuns: 3000 },
  );
});
