import { Encoder } from "./attribute.ts";
import {
  bindSocket,
  type Bytes,
  closeDescriptor,
  openSocket,
  receiveDatagram,
  sendDatagram,
  setSocketOption,
  socketAddress,
} from "./libc.ts";
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

/** Families of netlink sockets. */
export const NETLINK = { ROUTE: 0, GENERIC: 16 } as const;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel fills up to 32 kB a datagram, more in no case known. */
const BUFFER_BYTES = 1 << 16;
/** Room for the answers to a batch. The kernel lowers it to what net.core.rmem_max allows. */
const RECEIVE_QUEUE_BYTES = 1 << 20;
/** The kernel answers within the send itself: a wait is a fault, and must end. */
const ANSWER_SECONDS = 5;
/** A dump that others' changes disturb is asked for again, so often. */
const DUMP_ATTEMPTS = 10;
/** Requests in one send. Their answers must fit in the smallest receive queue. */
const BATCH_REQUESTS = 100;

/**
 * A netlink socket for requests, one at a time, all synchronous: the kernel answers them within the
 * send. Errors are SystemErrors named after the `operation` that is handed in.
 */
export class NetlinkSocket implements Disposable {
  readonly #descriptor: number;
  readonly #portId: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #sequence = 0;

  constructor(protocol: number) {
    this.#descriptor = openNetlinkSocket(protocol, 0);
    try {
      const timeout = new DataView(new ArrayBuffer(16)); // struct timeval
      timeout.setBigInt64(0, BigInt(ANSWER_SECONDS), true);
      setSocketOption(this.#descriptor, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer));
      const address = netlinkAddress(0);
      socketAddress(this.#descriptor, address);
      this.#portId = new DataView(address.buffer).getUint32(4, true);
    } catch (error) {
      closeDescriptor(this.#descriptor);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#descriptor);
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
    named(operation, () => sendDatagram(this.#descriptor, datagram.bytes(), netlinkAddress(0)));
    return first;
  }

  /** The messages of the next datagram that answer these requests: leftovers of others are skipped. */
  #receive(operation: string, first: number, last: number): NetlinkMessage[] {
    const datagram = named(
      operation,
      () => receiveNetlink(this.#descriptor, this.#buffer, true)!,
    );
    return decodeMessages(datagram.slice()).filter((message) =>
      message.portId === this.#portId && message.sequence >= first && message.sequence <= last &&
      message.type !== CONTROL.NOOP
    );
  }
}

/** Opens and binds a netlink socket with what all of ours want. @param groups bit mask to listen to. */
export function openNetlinkSocket(protocol: number, groups: number): number {
  const descriptor = openSocket(AF_NETLINK, SOCK_RAW, protocol);
  try {
    setSocketOption(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_QUEUE_BYTES);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      setIfKnown(descriptor, option);
    }
    bindSocket(descriptor, netlinkAddress(groups));
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/**
 * The next datagram from the kernel; what other processes send is dropped.
 *
 * @returns a view on the buffer, or undefined if there is none and it shall not wait.
 * @throws {SystemError} ETIMEDOUT, EMSGSIZE for one that the buffer cannot hold, ENOBUFS if the
 * kernel had to drop some.
 */
export function receiveNetlink(
  descriptor: number,
  buffer: Bytes,
  wait: boolean,
): Bytes | undefined {
  const sender = netlinkAddress(0);
  for (;;) {
    let length: number;
    try {
      length = receiveDatagram(descriptor, buffer, sender, wait);
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== ERRNO.EAGAIN) throw error;
      if (!wait) return undefined;
      throw new SystemError("receive", ERRNO.ETIMEDOUT);
    }
    if (new DataView(sender.buffer).getUint32(4, true) !== 0) continue;
    if (length > buffer.length) throw new SystemError("receive", ERRNO.EMSGSIZE);
    return buffer.subarray(0, length);
  }
}

/** Kernels before 4.12 (explanations) and 4.20 (strict checks) lack an option; nothing hangs on it. */
function setIfKnown(descriptor: number, option: number): void {
  try {
    setSocketOption(descriptor, SOL_NETLINK, option, 1);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== ERRNO.ENOPROTOOPT) throw error;
  }
}

/** struct sockaddr_nl of the kernel (port 0). */
function netlinkAddress(groups: number): Bytes {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(8, groups, true);
  return new Uint8Array(view.buffer);
}

function throwRefusal(operation: string, message: NetlinkMessage): void {
  const { errno, detail } = decodeAcknowledgement(message);
  if (errno !== 0) throw new SystemError(operation, errno, detail);
}

/** Names an error of the socket after what was asked for. */
function named<T>(operation: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new SystemError(operation, error.errno, error.detail ?? error.operation);
  }
}
