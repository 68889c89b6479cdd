import { assertEquals, assertThrows } from "@std/assert";
import { Encoder } from "../../lib/netlink/attribute.ts";
import { CONTROL, decodeMessages, FLAG, type NetlinkMessage } from "../../lib/netlink/message.ts";
import { NetlinkSocket } from "../../lib/netlink/socket.ts";
import { ERRNO, SystemError } from "../../lib/netlink/system_error.ts";
import type { Transport } from "../../lib/netlink/transport.ts";

const PORT = 4711;

/** What a kernel says to a send: for each datagram, its messages. */
type Answer = (requests: NetlinkMessage[]) => Partial<NetlinkMessage>[][];

/** A kernel of one function. Messages without a port are for this socket. */
class FakeKernel implements Transport {
  readonly portId = PORT;
  readonly sends: NetlinkMessage[][] = [];
  readonly #answer: Answer;
  readonly #queue: Uint8Array<ArrayBuffer>[] = [];

  constructor(answer: Answer) {
    this.#answer = answer;
  }
  send(datagram: Uint8Array): void {
    const requests = decodeMessages(datagram.slice());
    this.sends.push(requests);
    this.#queue.push(...this.#answer(requests).map(encode));
  }
  receive(operation: string): Uint8Array<ArrayBuffer> {
    const datagram = this.#queue.shift();
    if (datagram === undefined) throw new SystemError(operation, ERRNO.ETIMEDOUT);
    return datagram;
  }
  readable(): Promise<boolean> {
    return Promise.resolve(this.#queue.length > 0);
  }
  [Symbol.dispose](): void {}
}

function encode(messages: Partial<NetlinkMessage>[]): Uint8Array<ArrayBuffer> {
  const datagram = new Encoder();
  for (const message of messages) {
    const { type = 16, flags = 0, sequence = 0, portId = PORT, body = new Uint8Array() } = message;
    datagram.raw32(16 + body.length).raw16(type).raw16(flags).raw32(sequence).raw32(portId);
    datagram.rawBytes(body);
  }
  return datagram.bytes();
}

const object = (sequence: number, byte: number) => ({ sequence, body: Uint8Array.of(byte) });
const done = (sequence: number) => ({ type: CONTROL.DONE, sequence, body: new Uint8Array(4) });
const acknowledge = (sequence: number, errno = 0) => {
  const body = new Uint8Array(20);
  new DataView(body.buffer).setInt32(0, -errno, true);
  return { type: CONTROL.ERROR, flags: FLAG.CAPPED, sequence, body };
};
const request = { type: 18, flags: 0, body: new Uint8Array(4) };
const firstBytes = (messages: NetlinkMessage[]) => messages.map(({ body }) => body[0]);

Deno.test("execute asks for an acknowledgement and gives what came before it", () => {
  const kernel = new FakeKernel(([message]) => [
    [object(message!.sequence, 1)],
    [acknowledge(message!.sequence)],
  ]);
  const socket = new NetlinkSocket(kernel);
  assertEquals(firstBytes(socket.execute("try", request)), [1]);
  assertEquals(kernel.sends[0]!.map(({ flags }) => flags), [FLAG.REQUEST | FLAG.ACK]);
});

Deno.test("execute throws the kernel's refusal, named after the operation", () => {
  const socket = new NetlinkSocket(
    new FakeKernel(([message]) => [[acknowledge(message!.sequence, ERRNO.EEXIST)]]),
  );
  assertThrows(() => socket.execute("add it", request), SystemError, "add it: EEXIST");
});

Deno.test("answers to another request or another socket are not taken for ours", () => {
  const socket = new NetlinkSocket(
    new FakeKernel(([message]) => {
      const { sequence } = message!;
      return [
        [acknowledge(sequence - 1, ERRNO.EPERM), object(sequence + 1, 8)],
        [{ ...acknowledge(sequence, ERRNO.EPERM), portId: PORT + 1 }],
        [object(sequence, 1), acknowledge(sequence)],
      ];
    }),
  );
  assertEquals(firstBytes(socket.execute("try", request)), [1]);
});

Deno.test("an answer that does not come is ETIMEDOUT, and what comes later does no harm", () => {
  let silent = true;
  const socket = new NetlinkSocket(
    new FakeKernel(([message]) => {
      const { sequence } = message!;
      if (silent) return [];
      return [[acknowledge(sequence - 1, ERRNO.EIO)], [acknowledge(sequence)]];
    }),
  );
  assertThrows(() => socket.execute("try", request), SystemError, "try: ETIMEDOUT");
  silent = false;
  assertEquals(socket.execute("try again", request), []);
});

Deno.test("a dump is read over several datagrams up to its end", () => {
  const kernel = new FakeKernel(([message]) => {
    const { sequence } = message!;
    return [[object(sequence, 1), object(sequence, 2)], [object(sequence, 3)], [done(sequence)]];
  });
  assertEquals(firstBytes(new NetlinkSocket(kernel).dump("list", request)), [1, 2, 3]);
  assertEquals(kernel.sends[0]![0]!.flags, FLAG.REQUEST | FLAG.DUMP);
});

Deno.test("a dump that was disturbed is read to its end and asked for again", () => {
  let attempts = 0;
  const kernel = new FakeKernel(([message]) => {
    const { sequence } = message!;
    attempts++;
    const flags = attempts < 3 ? FLAG.DUMP_INTERRUPTED : 0;
    return [[object(sequence, attempts)], [{ ...object(sequence, attempts), flags }], [
      done(sequence),
    ]];
  });
  assertEquals(firstBytes(new NetlinkSocket(kernel).dump("list", request)), [3, 3]);
});

Deno.test("a dump of which only the end says that it was disturbed is asked for again", () => {
  let attempts = 0;
  const kernel = new FakeKernel(([message]) => {
    const { sequence } = message!;
    attempts++;
    const flags = attempts === 1 ? FLAG.DUMP_INTERRUPTED : 0;
    return [[object(sequence, attempts), { ...done(sequence), flags }]];
  });
  assertEquals(firstBytes(new NetlinkSocket(kernel).dump("list", request)), [2]);
});

Deno.test("a dump that is disturbed each time ends with EINTR", () => {
  const kernel = new FakeKernel(([message]) => [
    [{ ...done(message!.sequence), flags: FLAG.DUMP_INTERRUPTED }],
  ]);
  assertThrows(() => new NetlinkSocket(kernel).dump("list", request), SystemError, "list: EINTR");
  assertEquals(kernel.sends.length, 10);
});

Deno.test("a dump that ends with an error throws it", () => {
  const socket = new NetlinkSocket(
    new FakeKernel(([message]) => [
      [object(message!.sequence, 1)],
      [{ ...acknowledge(message!.sequence, ERRNO.ENODEV), type: CONTROL.DONE, flags: 0 }],
    ]),
  );
  assertThrows(() => socket.dump("list", request), SystemError, "list: ENODEV");
});

Deno.test("a batch acknowledges the last of each hundred, and tells each refusal by its place", () => {
  const refused = new Map([[0, ERRNO.EEXIST], [99, ERRNO.EPERM], [150, ERRNO.ENODEV]]);
  let before = 0;
  const kernel = new FakeKernel((requests) => {
    const answers = requests.flatMap(({ sequence, flags }, at) => {
      const errno = refused.get(before + at);
      if (errno === undefined && !(flags & FLAG.ACK)) return [];
      return [[acknowledge(sequence, errno)]];
    });
    before += requests.length;
    return answers;
  });
  const refusals = new NetlinkSocket(kernel).batch("add", new Array(230).fill(request));
  assertEquals(kernel.sends.map((sent) => sent.length), [100, 100, 30]);
  const asked = kernel.sends.map((sent) =>
    sent.flatMap(({ flags }, at) => flags & FLAG.ACK ? at : [])
  );
  assertEquals(asked, [[99], [99], [29]]);
  assertEquals(refusals.length, 230);
  const found = refusals.flatMap((error, at) => error ? [[at, error.errno]] : []);
  assertEquals(found, [...refused]);
});

Deno.test("a batch of nothing sends nothing", () => {
  const kernel = new FakeKernel(() => []);
  assertEquals(new NetlinkSocket(kernel).batch("add", []), []);
  assertEquals(kernel.sends, []);
});
