import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Decoder, Encoder } from "../../lib/netlink/attribute.ts";
import {
  decodeAcknowledgement,
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
} from "../../lib/netlink/message.ts";
import { ERRNO, SystemError } from "../../lib/netlink/system_error.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(" ", ""));
const unreadable = (call: () => unknown) => {
  const error = assertThrows(call, SystemError) as SystemError;
  assertEquals(error.code, "EBADMSG");
};

const ENCODED: [what: string, write: (body: Encoder) => Encoder, hex: string][] = [
  [
    "a fixed header",
    (body) => body.raw8(1).raw8(2).raw16(0x0403).raw32(0x08070605),
    "0102 0304 05060708",
  ],
  ["u8, padded", (body) => body.u8(1, 0xab), "0500 0100 ab000000"],
  ["u16, padded", (body) => body.u16(2, 0xabcd), "0600 0200 cdab0000"],
  ["u32", (body) => body.u32(3, 0x89abcdef), "0800 0300 efcdab89"],
  ["data, padded", (body) => body.data(4, bytes("010203")), "0700 0400 01020300"],
  ["empty data", (body) => body.data(5, new Uint8Array()), "0400 0500"],
  ["text with its zero byte", (body) => body.text(6, "wg0"), "0800 0600 77673000"],
  [
    "nested, flagged, without the padding after its last",
    (body) => body.nested(7, () => body.u8(1, 5).u32(2, 6)),
    "1400 0780 0500 0100 05000000 0800 0200 06000000",
  ],
  ["an empty nest", (body) => body.nested(7, () => {}), "0400 0780"],
];

for (const [what, write, hex] of ENCODED) {
  Deno.test(`Encoder writes ${what}`, () => {
    assertEquals(write(new Encoder()).bytes(), bytes(hex));
  });
}

Deno.test("Encoder grows at any place without losing what is there", () => {
  const fill = (body: Encoder) => {
    body.raw8(1).raw8(2).raw16(3).raw32(4).u8(1, 7).u16(2, 8).u32(3, 9).text(4, "abcde");
    return body.nested(5, () => body.u8(1, 1).data(2, bytes("0102030405"))).bytes();
  };
  const expected = fill(new Encoder(200));
  for (let capacity = 1; capacity < 90; capacity++) {
    assertEquals(fill(new Encoder(capacity)), expected);
  }
});

Deno.test("Encoder refuses what the 16 bits of a length cannot tell", () => {
  assertThrows(() => new Encoder().data(1, new Uint8Array(0xfffc)), RangeError);
  const body = new Encoder();
  const half = new Uint8Array(0x8000);
  assertThrows(() => body.nested(1, () => body.data(1, half).data(1, half)), RangeError);
  assertEquals(new Encoder().data(1, new Uint8Array(0xfffb)).length, 0x10000);
});

Deno.test("Decoder reads each kind of value, without the flags of its type", () => {
  const decoder = new Decoder(
    bytes(
      "ffff" + "0000" + // a header of four bytes
        "0500 0180 ab000000" + "0600 0240 cdab0000" + "0600 0300 ca6c0000" + "0800 0400 efcdab89" +
        "0c00 0500 0100000002000000" + "0800 0600 77673000" + "0c00 0780 0500 0100 05000000" +
        "0700 0800 010203", // the last may lack its padding
    ),
    4,
  );
  const read: unknown[] = [];
  const readers = [
    () => decoder.u8(),
    () => decoder.u16(),
    () => decoder.u16BigEndian(),
    () => decoder.u32(),
    () => decoder.u64(),
    () => decoder.text(),
    () => {
      const inner = decoder.nested();
      return [inner.next(), inner.type, inner.u8(), inner.next()];
    },
    () => [...decoder.data()],
  ];
  for (const [at, reader] of readers.entries()) {
    assertEquals([decoder.next(), decoder.type], [true, at + 1]);
    read.push(reader());
  }
  assertEquals(decoder.next(), false);
  assertEquals(read, [
    0xab,
    0xabcd,
    51820,
    0x89abcdef,
    2 * 2 ** 32 + 1,
    "wg0",
    [true, 1, 5, false],
    [1, 2, 3],
  ]);
});

Deno.test("Decoder refuses lengths that cannot be, and values of another size", () => {
  for (const hex of ["0300 0100", "0900 0100 00000000", "0400", "0800 0100 0000", "0000 0000"]) {
    unreadable(() => new Decoder(bytes(hex)).next());
  }
  unreadable(() => new Decoder(bytes("00"), 4));
  const decoder = new Decoder(bytes("0700 0100 01020300"));
  decoder.next();
  for (
    const read of [
      () => decoder.u8(),
      () => decoder.u16(),
      () => decoder.u16BigEndian(),
      () => decoder.u32(),
      () => decoder.u64(),
    ]
  ) unreadable(read);
  // What is nested ends with what holds it, though more bytes follow.
  const outer = new Decoder(bytes("0800 0180 0800 0200 09000000"));
  outer.next();
  unreadable(() => outer.nested().next());
});

Deno.test("Decoder gives any bytes back as attributes or as EBADMSG, and ends", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
      try {
        const decoder = new Decoder(body);
        let steps = 0;
        while (decoder.next()) {
          decoder.data();
          decoder.text();
          if (++steps > body.length) throw new Error("more attributes than bytes");
        }
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("messages that are written one behind the other are read back", () => {
  const datagram = new Encoder();
  encodeMessage(datagram, { type: 18, flags: 0x300, body: bytes("0102030405") }, 7);
  encodeMessage(datagram, { type: 16, flags: 4, body: new Uint8Array() }, 8);
  assertEquals(
    datagram.bytes(),
    bytes(
      "15000000 1200 0103 07000000 00000000 0102030405000000 10000000 1000 0500 08000000 00000000",
    ),
  );
  assertEquals(decodeMessages(datagram.bytes()), [
    { type: 18, flags: 0x301, sequence: 7, portId: 0, body: bytes("0102030405") },
    { type: 16, flags: 5, sequence: 8, portId: 0, body: new Uint8Array() },
  ]);
});

Deno.test("decodeMessages refuses lengths that cannot be", () => {
  for (
    const hex of [
      "10000000 1000",
      "0f000000 1000 0500 08000000 00000000",
      "00000000 1000 0500 08000000 00000000",
      "11000000 1000 0500 08000000 00000000",
      "ffffffff 1000 0500 08000000 00000000",
      "10000000 1000 0500 08000000 00000000 00",
    ]
  ) unreadable(() => decodeMessages(bytes(hex)));
});

Deno.test("decodeMessages gives any bytes back as messages or as EBADMSG", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (datagram) => {
      try {
        for (const message of decodeMessages(datagram)) decodeAcknowledgement(message);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

const reply = (type: number, flags: number, hex: string): NetlinkMessage => ({
  type,
  flags,
  sequence: 1,
  portId: 1,
  body: bytes(hex),
});
const REQUEST = "20000000 1000 0506 01000000 00000000";
const EXPLAINED = "0c00 0100 77687921 00000000"; // "why!"

Deno.test("decodeAcknowledgement reads error number and explanation, wherever that begins", () => {
  assertEquals(decodeAcknowledgement(reply(2, 0x100, `00000000 ${REQUEST}`)), { errno: 0 });
  assertEquals(decodeAcknowledgement(reply(2, 0x100, `efffffff ${REQUEST}`)), { errno: 17 });
  assertEquals(
    decodeAcknowledgement(reply(2, 0x300, `a1ffffff ${REQUEST} ${EXPLAINED}`)),
    { errno: 95, detail: "why!" },
  );
  assertEquals(
    decodeAcknowledgement(reply(2, 0x200, `a1ffffff ${REQUEST} ${"00".repeat(16)} ${EXPLAINED}`)),
    { errno: 95, detail: "why!" },
  );
  assertEquals(decodeAcknowledgement(reply(3, 2, "00000000")), { errno: 0 });
  assertEquals(decodeAcknowledgement(reply(3, 2, "")), { errno: 0 });
  assertEquals(
    decodeAcknowledgement(reply(3, 0x202, `eaffffff ${EXPLAINED}`)),
    { errno: 22, detail: "why!" },
  );
  unreadable(() => decodeAcknowledgement(reply(2, 0, "0000")));
  unreadable(() => decodeAcknowledgement(reply(2, 0x200, "a1ffffff 20000000")));
  unreadable(() => decodeAcknowledgement(reply(2, 0x200, `a1ffffff ${REQUEST}`)));
  const endless = REQUEST.replace("20000000", "00000080");
  unreadable(() => decodeAcknowledgement(reply(2, 0x200, `a1ffffff ${endless} ${EXPLAINED}`)));
});

Deno.test("SystemError says what was asked for, the error's name and the explanation", () => {
  const error = new SystemError("create link wg0", ERRNO.EOPNOTSUPP, "Unknown device type");
  assertEquals(error.message, "create link wg0: EOPNOTSUPP (Unknown device type)");
  assertEquals(error.code, "EOPNOTSUPP");
  assertEquals(new SystemError("x", 4095).message, "x: errno 4095");
});

Deno.test("SystemError tells apart unsupported, forbidden, existing and missing", () => {
  const kinds = (errno: number) => {
    const error = new SystemError("x", errno);
    return [error.isUnsupported, error.isForbidden, error.isExisting, error.isMissing];
  };
  assertEquals(kinds(ERRNO.EOPNOTSUPP), [true, false, false, false]);
  assertEquals(kinds(ERRNO.EPERM), [false, true, false, false]);
  assertEquals(kinds(ERRNO.EEXIST), [false, false, true, false]);
  for (const errno of [ERRNO.ESRCH, ERRNO.ENODEV, ERRNO.ENOENT, ERRNO.EADDRNOTAVAIL]) {
    assertEquals(kinds(errno), [false, false, false, true]);
  }
  assertEquals(kinds(ERRNO.EINVAL), [false, false, false, false]);
});
