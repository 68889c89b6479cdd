import { type IpAddress } from "../../lib/ip/address.ts";
import { parseCidr, parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { deleteAddress, newAddress } from "../../lib/netlink/addresses.ts";
import { changeLink, newLink, removeLink } from "../../lib/netlink/links.ts";
import type { NetlinkMessage, NetlinkRequest } from "../../lib/netlink/message.ts";
import { deleteRoute, lookUpRoute, newRoute } from "../../lib/netlink/routes.ts";
import { deleteRule, newRule } from "../../lib/netlink/rules.ts";
import { INTERFACE_INDEX, type Nesting } from "./fixtures/recorded.ts";

export const cidr = (text: string) => parseCidr(text)!;
export const address = (text: string) => text as IpAddress;
const withLength = (text: string) => parseInterfaceAddress(text)!;

/** What the socket adds itself: that it is a request and wants an acknowledgement. */
export const SOCKET_FLAGS = 0x5;

const LINK_NESTING: Nesting = { 18: {} };

interface Golden {
  readonly command: string;
  readonly ours: NetlinkRequest;
  readonly header: number;
  readonly nesting?: Nesting;
}

export const wg0 = { interfaceIndex: INTERFACE_INDEX };
const ours87 = { table: 254, protocol: 87 };

export const GOLDEN: Golden[] = [
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

/** A request to make a thing, read back as if the kernel told of it. */
export const told = ({ type, flags, body }: NetlinkRequest): NetlinkMessage => ({
  type,
  flags,
  body,
  sequence: 0,
  portId: 0,
});
