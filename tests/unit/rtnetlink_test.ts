import { assertEquals, assertThrows } from "@std/assert";
import { changeLink, decodeLink, getLink, newLink, removeLink } from "../../lib/netlink/links.ts";
import { decodeRoute, matchesRoute, type Route } from "../../lib/netlink/routes.ts";
import { bodyTree, recorded } from "./fixtures/recorded.ts";
import { cidr, GOLDEN, SOCKET_FLAGS, told } from "./rtnetlink_requests.ts";

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
