import { checkEndpoints } from "../../lib/doctor/checks/endpoints.ts";
import { checkForwarding, type ForwardingFacts } from "../../lib/doctor/checks/forwarding.ts";
import { checkInterface, type InterfaceFacts } from "../../lib/doctor/checks/interface.ts";
import { checkMtu, type MtuFacts } from "../../lib/doctor/checks/mtu.ts";
import { checkOverlap, type OverlapFacts } from "../../lib/doctor/checks/overlap.ts";
import { checkPort, type PortFacts } from "../../lib/doctor/checks/port.ts";
import { checkReversePath } from "../../lib/doctor/checks/reverse_path.ts";
import { checkRoutes, type RouteFacts } from "../../lib/doctor/checks/routes.ts";
import { checkCapability, checkWireGuard } from "../../lib/doctor/checks/wireguard.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import type { Cidr } from "../../lib/ip/cidr.ts";
import { parseInterfaceAddress } from "../../lib/ip/cidr.ts";
import { cidrs } from "./claims.ts";
import { expectFinding, expectFindings } from "./expect_finding.ts";

const HUB = "203.0.113.1" as IpAddress;
const HUB6 = "2001:db8::1" as IpAddress;
const addresses = (...texts: string[]) => texts.map((text) => parseInterfaceAddress(text)!);

Deno.test("checkWireGuard() wants the kernel's or wireguard-go", () => {
  expectFinding(checkWireGuard({ kernel: true, program: false }), ["ok", /kernel has it/]);
  expectFinding(checkWireGuard({ kernel: false, program: true }), ["ok", /wireguard-go/]);
  expectFinding(checkWireGuard({ kernel: false, program: false }), [
    "failed",
    /kernel has none/,
    /modprobe wireguard/,
  ]);
});

Deno.test("checkCapability() wants CAP_NET_ADMIN", () => {
  expectFinding(checkCapability(true), ["ok", /CAP_NET_ADMIN/]);
  expectFinding(checkCapability(false), ["failed", /no CAP_NET_ADMIN/, /as root.*NET_ADMIN/]);
});

Deno.test("checkInterface() wants it there, WireGuard's, up, with key and address, and ours", () => {
  const link = { index: 4, name: "wg0", mtu: 1420, up: true, kind: "wireguard", alias: "wg-kube" };
  const { alias: _, ...strange } = link;
  const well: InterfaceFacts = {
    program: "spoke",
    name: "wg0",
    link,
    isWireGuard: true,
    hasKey: true,
    addresses: addresses("100.96.0.2/32", "fd64::2/128"),
    wanted: addresses("100.96.0.2/32"),
  };
  expectFindings(checkInterface, well, [
    [{}, ["ok", /^wg0 is up with 100\.96\.0\.2\/32 fd64::2\/128$/]],
    [{ link: undefined }, ["failed", /there is no wg0/, /start the spoke/]],
    [{ isWireGuard: false, link: { ...link, kind: "dummy" } }, [
      "failed",
      /but dummy/,
      /delete wg0/,
    ]],
    [{ link: { ...link, up: false } }, ["failed", /switched off/, /ip link set wg0 up/]],
    [{ hasKey: false }, ["failed", /no private key/, /start the spoke/]],
    [{ addresses: [] }, ["failed", /no address/, /start the spoke/]],
    [{ addresses: [], wanted: [] }, ["ok", /no address, as a member's/]],
    [{ wanted: addresses("100.96.0.9/32") }, [
      "warning",
      /and not 100\.96\.0\.9\/32 of --address/,
      /WG_ADDRESS/,
    ]],
    [{ link: strange }, ["warning", /another program/, /--adopt/]],
  ]);
});

Deno.test("checkPort() wants it to be the interface's, or free", () => {
  const well: PortFacts = { name: "wg0", wanted: 51820, own: 51820, taken: false };
  expectFindings(checkPort, well, [
    [{}, ["ok", /wg0 has UDP port 51820/]],
    [{ own: undefined }, ["ok", /51820 is free/]],
    [{ own: undefined, taken: true }, ["failed", /taken/, /ss -ulpn 'sport = :51820'/]],
    [{ own: 40000, taken: true }, ["failed", /taken/, /--listen-port/]],
    [{ own: 40000 }, ["warning", /40000, not 51820/, /WG_LISTEN_PORT/]],
    [{ own: undefined, taken: undefined }, ["skipped", /could not/]],
  ]);
});

Deno.test("checkForwarding() fails a hub and warns a spoke, for the families of the tunnel alone", () => {
  const well: ForwardingFacts = {
    program: "hub",
    name: "wg0",
    families: [4],
    forwards: { 4: true, 6: false },
  };
  expectFindings(checkForwarding, well, [
    [{}, ["ok", /on for IPv4$/]],
    [{ families: [4, 6] }, [
      "failed",
      /off for IPv6:/,
      /^sysctl -w net\.ipv6\.conf\.all\.forwarding=1;/,
    ]],
    [{ families: [4, 6], forwards: { 4: false, 6: false } }, [
      "failed",
      /off for IPv4 and IPv6/,
      /-w net\.ipv4\.ip_forward=1 net\.ipv6\.conf\.all\.forwarding=1;/,
    ]],
    [{ program: "spoke", forwards: { 4: false, 6: false } }, [
      "warning",
      /pods of this/,
      /ip_forward=1/,
    ]],
    [{ forwards: { 4: undefined, 6: undefined } }, ["skipped", /could not be read/]],
  ]);
});

Deno.test("checkReversePath() goes by the larger of the two numbers, and only 1 is strict", () => {
  const remedy = /sysctl -w net\.ipv4\.conf\.wg0\.rp_filter=2;/;
  const strict = ["warning", /^strict/, remedy] as const;
  const loose = ["ok", /^not strict/] as const;
  const table = [[0, 0, loose], [1, 0, strict], [0, 1, strict], [1, 1, strict]] as const;
  for (const [all, own, expected] of table) {
    expectFinding(checkReversePath({ name: "wg0", all, own }), expected);
  }
  for (const [all, own] of [[2, 0], [2, 1], [1, 2], [0, 2]] as const) {
    expectFinding(checkReversePath({ name: "wg0", all, own }), loose);
  }
  expectFinding(checkReversePath({ name: "wg0", all: 1, own: undefined }), ["skipped", /wg0/]);
  const dotted = checkReversePath({ name: "wg0.7", all: 1, own: 1 });
  expectFinding(dotted, ["warning", /strict/, /conf\.wg0\/7\.rp_filter/]); // as sysctl(8) writes a dot
});

Deno.test("checkMtu() wants each packet to fit into the next", () => {
  const well: MtuFacts = {
    name: "wg0",
    mtu: 1420,
    paths: [{ address: HUB, mtu: 1500 }],
    underlayMtu: 1500,
    podDevices: [],
  };
  const large = (name: string, mtu: number, kind?: string) => ({
    podDevices: [{ name, mtu, ...(kind && { kind }) }],
  });
  expectFindings(checkMtu, well, [
    [{}, ["ok", /^outside 1500, wg0 1420$/]],
    [{ mtu: undefined }, ["skipped", /no wg0/]],
    [{ mtu: 1440 }, ["ok", /1440/]], // fits behind 60 bytes over IPv4
    [{ mtu: 1441 }, ["failed", /carries 1500, which leaves 1440/, /to 1420 or less/]],
    [{ mtu: 1440, paths: [{ address: HUB6, mtu: 1500 }] }, ["failed", /leaves 1420/, /WG_MTU/]],
    [{ paths: [{ address: HUB, mtu: 1400 }] }, ["failed", /carries 1400/, /to 1320 or less/]],
    [{ paths: [], underlayMtu: 1400 }, ["failed", /outside carries 1400/, /to 1320/]],
    [{ paths: [], underlayMtu: undefined }, ["ok", /^wg0 1420$/]],
    [{ paths: [{ address: HUB, mtu: 1500, learned: 1400 }] }, ["warning", /in pieces: set WG_MTU/]],
    [large("cilium_host", 1420), ["ok", /wg0 1420, cilium_host 1420$/]],
    [large("cilium_host", 1500), ["warning", /cilium_host has 1500/, /MTU: 1420 in Cilium/]],
    [large("cilium_vxlan", 1420, "vxlan"), ["ok", /cilium_vxlan 1420/]],
    [large("flannel.1", 1370, "vxlan"), ["ok", /flannel\.1 1370/]],
    [large("flannel.1", 1371, "vxlan"), ["warning", /the 1370 that wg0 leaves it/, /MTU to 1370/]],
    [large("cni0", 1500, "bridge"), ["warning", /cni0 has 1500/, /MTU to 1420/]],
  ]);
});

Deno.test("checkRoutes() wants what peers have to lead into the tunnel", () => {
  const [prefix, pods, all] = ["172.16.0.0/16", "10.244.2.0/24", "0.0.0.0/0"] as Cidr[];
  const well: RouteFacts = {
    name: "wg0",
    isUp: true,
    prefixes: [{ prefix: prefix!, device: "wg0" }],
    others: cidrs("192.168.1.0/24"),
  };
  expectFindings(checkRoutes, well, [
    [{}, ["ok", /^1 prefix leads into wg0$/]],
    [{ prefixes: [] }, ["ok", /no peer has a prefix/]],
    [{ isUp: false }, ["skipped", /wg0 is not up/]],
    [{ prefixes: [{ prefix: pods!, device: "eth0" }] }, [
      "failed",
      /10\.244\.2\.0\/24 leaves by eth0, not by wg0/,
      /ip route get 10\.244\.2\.0;/,
    ]],
    [{ prefixes: [{ prefix: pods!, device: undefined }] }, [
      "failed",
      /has no route/,
      /ip route get/,
    ]],
    [{ others: cidrs("172.16.5.0/24") }, [
      "warning",
      /172\.16\.5\.0\/24 of 172\.16\.0\.0\/16/,
      /show/,
    ]],
    [{ prefixes: [{ prefix: all!, device: "wg0" }] }, ["ok", /1 prefix/]],
  ]);
});

Deno.test("checkOverlap() wants the tunnel's addresses to be nobody else's", () => {
  const well: OverlapFacts = {
    addresses: addresses("100.96.0.2/32", "fd64::2/128"),
    podNetworks: cidrs("10.244.2.0/24"),
    otherRoutes: cidrs("192.168.1.0/24"),
  };
  expectFindings(checkOverlap, well, [
    [{}, ["ok", /nobody else's/]],
    [{ podNetworks: cidrs("100.96.0.0/24") }, [
      "failed",
      /100\.96\.0\.2\/32 lies inside/,
      /--address/,
    ]],
    [{ podNetworks: cidrs("fd64::/64") }, ["failed", /fd64::2\/128 lies inside/, /--address/]],
    [{ otherRoutes: cidrs("100.64.0.0/10") }, ["warning", /another device/, /--address/]],
  ]);
});

Deno.test("checkEndpoints() wants peers to be reached outside the tunnel", () => {
  expectFinding(checkEndpoints("wg0", undefined), ["skipped", /interface/]);
  expectFinding(checkEndpoints("wg0", []), ["ok", /no peer has an endpoint/]);
  expectFinding(checkEndpoints("wg0", [{ address: HUB, device: "eth0" }]), ["ok", /by eth0$/]);
  expectFinding(checkEndpoints("wg0", [{ address: HUB, device: "wg0" }]), [
    "failed",
    /203\.0\.113\.1 is reached through wg0 itself/,
    /ip route get 203\.0\.113\.1;/,
  ]);
  expectFinding(checkEndpoints("wg0", [{ address: HUB, device: undefined }]), [
    "failed",
    /no route to 203\.0\.113\.1/,
    /ip route show/,
  ]);
});
