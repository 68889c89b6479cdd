import {
  bindSocket,
  type Bytes,
  closeDescriptor,
  openSocket,
  receiveDatagram,
  sendDatagram,
  setSocketOption,
  socketAddress,
  waitReadable,
} from "./libc.ts";
import { ERRNO, SystemError } from "./system_error.ts";

/** Families of netlink sockets. */
export const NETLINK = { ROUTE: 0, NETFILTER: 12, GENERIC: 16 } as const;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel fills up to 32 kB a datagram of a dump. */
const BUFFER_BYTES = 1 << 16;
/** Room for the answers to a batch. The kernel lowers it to what net.core.rmem_max allows. */
const RECEIVE_QUEUE_BYTES = 1 << 20;
/** The kernel answers within the send itself: a wait is a fault, and must end. */
const ANSWER_SECONDS = 5;

/** Datagrams to and from the kernel. Errors are SystemErrors named after the `operation`. */
export interface Transport extends Disposable {
  /** By which the kernel's answers name this socket. */
  readonly portId: number;
  send(datagram: Bytes, operation: string): void;
  /**
   * The next datagram, as a view that is valid until the next call. Without `wait` undefined if there
   * is none. @throws {SystemError} ETIMEDOUT if none comes, ENOBUFS if the kernel had to drop some.
   */
  receive(operation: string, wait: boolean): Bytes | undefined;
  /** Whether there is something to receive within so many milliseconds. */
  readable(limit: number): Promise<boolean>;
}

/** Opens a netlink socket. @param groups bit mask of the multicast groups to listen to. */
export function openTransport(protocol: number, groups = 0): Transport {
  const descriptor = openSocket(AF_NETLINK, SOCK_RAW, protocol);
  try {
    setSocketOption(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_QUEUE_BYTES);
    setSocketOption(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval(ANSWER_SECONDS));
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      setIfKnown(descriptor, option);
    }
    bindSocket(descriptor, netlinkAddress(groups));
    const own = netlinkAddress(0);
    socketAddress(descriptor, own);
    return new NetlinkTransport(descriptor, portOf(own));
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

class NetlinkTransport implements Transport {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly portId: number;

  constructor(descriptor: number, portId: number) {
    this.#descriptor = descriptor;
    this.portId = portId;
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#descriptor);
  }

  send(datagram: Bytes, operation: string): void {
    sendDatagram(this.#descriptor, datagram, netlinkAddress(0), operation);
  }

  receive(operation: string, wait: boolean): Bytes | undefined {
    const sender = netlinkAddress(0);
    for (;;) {
      let length: number;
      try {
        length = receiveDatagram(this.#descriptor, this.#buffer, sender, wait, operation);
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== ERRNO.EAGAIN) throw error;
        if (!wait) return undefined;
        throw new SystemError(operation, ERRNO.ETIMEDOUT);
      }
      if (portOf(sender) !== 0) continue; // not from the kernel, but from another process
      if (length > this.#buffer.length) throw new SystemError(operation, ERRNO.EMSGSIZE);
      return this.#buffer.subarray(0, length);
    }
  }

  readable(limit: number): Promise<boolean> {
    return waitReadable(this.#descriptor, limit);
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

function portOf(address: Bytes): number {
  return new DataView(address.buffer).getUint32(4, true);
}

/** struct timeval. */
function timeval(seconds: number): Bytes {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, BigInt(seconds), true);
  return new Uint8Array(view.buffer);
}
