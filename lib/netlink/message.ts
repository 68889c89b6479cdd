import { Decoder, Encoder } from "./attribute.ts";
import { malformed } from "./system_error.ts";

/** Message types below 16 belong to netlink itself (linux/netlink.h). */
export const CONTROL = { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

/** Flags of a message header (linux/netlink.h). Their meaning in part depends on the request. */
export const FLAG = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTERRUPTED: 0x10,
  /** With a get: all objects (ROOT and MATCH). */
  DUMP: 0x300,
  /** With a new: fail if it is there. */
  EXCLUSIVE: 0x200,
  /** With a new: make it if it is not there. */
  CREATE: 0x400,
  /** On an acknowledgement: the request is not repeated in it. */
  CAPPED: 0x100,
  /** On an acknowledgement: attributes that explain it follow. */
  ACK_ATTRIBUTES: 0x200,
} as const;

const HEADER_BYTES = 16;
const EXPLANATION_TEXT = 1;

/** What is asked of the kernel; the socket adds the sequence number and FLAG.REQUEST. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  /** The fixed header of the type, then attributes. */
  readonly body: Uint8Array;
}

/** What the kernel said. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whose request is answered. */
  readonly portId: number;
  /** A view on the datagram. */
  readonly body: Uint8Array;
}

/** Appends a request (struct nlmsghdr and body) to a datagram. */
export function encodeMessage(
  into: Encoder,
  { type, flags, body }: NetlinkRequest,
  sequence: number,
): void {
  into.raw32(HEADER_BYTES + body.length).raw16(type).raw16(flags | FLAG.REQUEST);
  into.raw32(sequence).raw32(0).rawBytes(body);
}

/** The messages of a datagram. @throws {SystemError} EBADMSG if a length in it cannot be. */
export function decodeMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length;) {
    const left = datagram.length - at;
    if (left < HEADER_BYTES) throw malformed(`${left} bytes after the last message`);
    const length = view.getUint32(at, true);
    if (length < HEADER_BYTES || length > left) {
      throw malformed(`message of ${length} bytes where ${left} are left`);
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      portId: view.getUint32(at + 12, true),
      body: datagram.subarray(at + HEADER_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

/** An acknowledgement: error number (0 is success) and, where the kernel gave one, its explanation. */
export interface Acknowledgement {
  readonly errno: number;
  readonly detail?: string;
}

/** Reads a message of type CONTROL.ERROR (struct nlmsgerr), or CONTROL.DONE, which ends with one too. */
export function decodeAcknowledgement({ type, flags, body }: NetlinkMessage): Acknowledgement {
  if (type === CONTROL.DONE && body.length < 4) return { errno: 0 };
  if (body.length < 4) throw malformed("acknowledgement without an error number");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const errno = Math.abs(view.getInt32(0, true));
  if ((flags & FLAG.ACK_ATTRIBUTES) === 0) return { errno };
  const attributes = new Decoder(body, attributesStart(type, flags, view));
  while (attributes.next()) {
    if (attributes.type === EXPLANATION_TEXT) return { errno, detail: attributes.text() };
  }
  return { errno };
}

/** An error repeats the request's header, and its body too unless the flag says that it is capped. */
function attributesStart(type: number, flags: number, view: DataView): number {
  if (type === CONTROL.DONE) return 4;
  if (view.byteLength < 4 + HEADER_BYTES) throw malformed("acknowledgement without its request");
  if (flags & FLAG.CAPPED) return 4 + HEADER_BYTES;
  return 4 + (((view.getUint32(4, true) + 3) & ~3) >>> 0);
}
