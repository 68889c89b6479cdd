import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { NetlinkMessage } from "../../lib/netlink/message.ts";
import { decodeBaseChain, listChains, NF_HOOK } from "../../lib/netlink/nftables.ts";
import { SystemError } from "../../lib/netlink/system_error.ts";

const message = (hex: string, type = 0xa03): NetlinkMessage => ({
  type,
  flags: 2,
  sequence: 1,
  portId: 1,
  body: Uint8Array.fromHex(hex.replaceAll(" ", "")),
});

// As Linux 6.18 told them: struct nfgenmsg, table, name, handle, hook (number, priority), policy,
// type, flags, use.
const FORWARD = message(
  "02000006 0b000100 66696c7465720000 0c000300 464f525741524400 0c000200 0000000000000001 " +
    "14000400 0800010000000002 0800020000000000 08000500 00000000 0b000700 66696c7465720000 " +
    "08000a0000000001 0800060000000000",
);
const INPUT = message(
  "01000006 06000100 74000000 07000300 696e0000 0c000200 0000000000000001 " +
    "14000400 0800010000000001 08000200fffffff6 08000500 00000001 0b000700 66696c7465720000 " +
    "08000a0000000001 0800060000000000",
);
const PLAIN = message(
  "01000006 06000100 74000000 0a000300 706c61696e000000 0c000200 0000000000000002 0800060000000000",
);

Deno.test("decodeBaseChain() reads where a chain hangs and what it does by default", () => {
  assertEquals(decodeBaseChain(FORWARD), {
    family: "ip",
    table: "filter",
    chain: "FORWARD",
    hook: NF_HOOK.FORWARD,
    policy: "drop",
  });
  assertEquals(decodeBaseChain(INPUT), {
    family: "inet",
    table: "t",
    chain: "in",
    hook: NF_HOOK.INPUT,
    policy: "accept",
  });
});

Deno.test("decodeBaseChain() passes over chains without a hook, and other messages", () => {
  assertEquals(decodeBaseChain(PLAIN), undefined);
  assertEquals(decodeBaseChain({ ...FORWARD, type: 0xa00 }), undefined);
  const netdev = FORWARD.body.slice();
  netdev[0] = 5; // NFPROTO_NETDEV
  assertEquals(decodeBaseChain({ ...FORWARD, body: netdev }), undefined);
});

Deno.test("decodeBaseChain() believes no length", () => {
  const hookCut = FORWARD.body.slice(0, 50);
  for (const body of [hookCut, new Uint8Array(3)]) {
    assertThrows(() => decodeBaseChain({ ...FORWARD, body }), SystemError, "EBADMSG");
  }
  const index = fc.nat(FORWARD.body.length - 1);
  const changes = fc.array(fc.tuple(index, fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(changes, index, (changes, cut) => {
    const body = FORWARD.body.slice(0, FORWARD.body.length - cut);
    for (const [at, byte] of changes) if (at < body.length) body[at] = byte;
    try {
      decodeBaseChain({ ...FORWARD, body });
    } catch (error) {
      assertInstanceOf(error, SystemError);
    }
  }));
});

Deno.test("listChains() asks for the chains of all families", () => {
  const { type, body } = listChains();
  assertEquals([type, [...body]], [0xa04, [0, 0, 0, 0]]);
});
