import { Encoder } from "./attribute.ts";
import {
  CONTROL,
  decodeAcknowledgement,
  decodeMessages,
  encodeMessage,
  FLAG,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";
import { ERRNO, SystemError } from "./system_error.ts";
import type { Transport } from "./transport.ts";

/** A dump that others' changes disturb is asked for again, so often. */
const DUMP_ATTEMPTS = 10;
/** Requests in one send. Their answers must fit in the smallest receive queue. */
const BATCH_REQUESTS = 100;

/**
 * A netlink socket for requests, one at a time, all synchronous: the kernel answers them within the
 * send. Errors are SystemErrors named after the `operation` that is handed in.
 */
export class NetlinkSocket implements Disposable {
  readonly #transport: Transport;
  #sequence = 0;

  /** @param transport becomes the socket's own: it is disposed of with it. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }

  /** Sends a request and waits for its acknowledgement. @returns what came before that. */
  execute(operation: string, request: NetlinkRequest): NetlinkMessage[] {
    const sequence = this.#send(operation, [{ ...request, flags: request.flags | FLAG.ACK }]);
    const messages: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(operation, sequence, sequence)) {
        if (message.type === CONTROL.ERROR) {
          throwRefusal(operation, message);
          return messages;
        }
        messages.push(message);
      }
    }
  }

  /**
   * Asks for all objects of a kind. A dump during which something changed may miss objects: it is
   * thrown away and repeated, at last with EINTR. NLM_F_DUMP_INTR tells (linux/netlink.h).
   */
  dump(operation: string, request: NetlinkRequest): NetlinkMessage[] {
    for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
      const messages = this.#dumpOnce(operation, request);
      if (messages !== undefined) return messages;
    }
    throw new SystemError(operation, ERRNO.EINTR, "it changed during each attempt to read it");
  }

  /**
   * Sends many requests, a hundred at a time, and asks for an acknowledgement of the last of each
   * hundred only: the kernel works in order, and tells what it refuses in any case.
   *
   * @returns for each request its refusal, or undefined if it succeeded.
   */
  batch(operation: string, requests: readonly NetlinkRequest[]): (SystemError | undefined)[] {
    const refusals = new Array<SystemError | undefined>(requests.length).fill(undefined);
    for (let start = 0; start < requests.length; start += BATCH_REQUESTS) {
      const part = requests.slice(start, start + BATCH_REQUESTS);
      const last = part.length - 1;
      part[last] = { ...part[last]!, flags: part[last]!.flags | FLAG.ACK };
      const first = this.#send(operation, part);
      for (let done = false; !done;) {
        for (const message of this.#receive(operation, first, first + last)) {
          if (message.type !== CONTROL.ERROR) continue;
          const at = message.sequence - first;
          const { errno, detail } = decodeAcknowledgement(message);
          if (errno !== 0) refusals[start + at] = new SystemError(operation, errno, detail);
          if (at === last) done = true;
        }
      }
    }
    return refusals;
  }

  /** Undefined if the dump was disturbed. It is read to its end all the same. */
  #dumpOnce(operation: string, request: NetlinkRequest): NetlinkMessage[] | undefined {
    const flags = request.flags | FLAG.DUMP;
    const sequence = this.#send(operation, [{ ...request, flags }]);
    const messages: NetlinkMessage[] = [];
    let disturbed = false;
    for (;;) {
      for (const message of this.#receive(operation, sequence, sequence)) {
        if (message.flags & FLAG.DUMP_INTERRUPTED) disturbed = true;
        if (message.type === CONTROL.DONE || message.type === CONTROL.ERROR) {
          throwRefusal(operation, message);
          return disturbed ? undefined : messages;
        }
        messages.push(message);
      }
    }
  }

  /** @returns the sequence number of the first; the others follow it. */
  #send(operation: string, requests: readonly NetlinkRequest[]): number {
    if (this.#sequence + requests.length > 0xffff_ffff) this.#sequence = 0;
    const first = this.#sequence + 1;
    const size = requests.reduce((sum, { body }) => sum + body.length + 32, 0);
    const datagram = new Encoder(size);
    for (const request of requests) encodeMessage(datagram, request, ++this.#sequence);
    this.#transport.send(datagram.bytes(), operation);
    return first;
  }

  /** The messages of the next datagram that answer these requests: leftovers of others are skipped. */
  #receive(operation: string, first: number, last: number): NetlinkMessage[] {
    const datagram = this.#transport.receive(operation, true)!;
    return decodeMessages(datagram.slice()).filter((message) =>
      message.portId === this.#transport.portId && message.sequence >= first &&
      message.sequence <= last &&
      message.type !== CONTROL.NOOP
    );
  }
}

function throwRefusal(operation: string, message: NetlinkMessage): void {
  const { errno, detail } = decodeAcknowledgement(message);
  if (errno !== 0) throw new SystemError(operation, errno, detail);
}
