import { malformed } from "./system_error.ts";

/** Attributes begin at multiples of four bytes (netlink(7), NLA_ALIGN). */
const ALIGNMENT = 4;
const HEADER_BYTES = 4;
const NESTED = 0x8000;
/** The two upper bits are flags (nested, network byte order), not part of the type. */
const TYPE_MASK = 0x3fff;
/** The length of an attribute, its header included, is an unsigned 16 bit number. */
const LENGTH_LIMIT = 0xffff;

/**
 * Memory of its own for each of thousands of small messages cost more than to write them: they share
 * pieces of this size, in which no byte is given out twice.
 */
const SLAB_BYTES = 16_384;
let slab = new ArrayBuffer(0);
let given = 0;

/** So many bytes, all zero. */
function freshBytes(count: number): Uint8Array<ArrayBuffer> {
  if (count > SLAB_BYTES / 8) return new Uint8Array(count);
  if (given + count > slab.byteLength) {
    slab = new ArrayBuffer(SLAB_BYTES);
    given = 0;
  }
  const bytes = new Uint8Array(slab, given, count);
  given += count;
  return bytes;
}

/**
 * Writes a message body: a fixed header by the `raw` methods, then attributes. Numbers are in the
 * machine's byte order, which is little-endian on all that Deno runs on.
 */
export class Encoder {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  /** @param capacity bytes to begin with; it grows. */
  constructor(capacity = 128) {
    this.#bytes = freshBytes(capacity);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** What was written. A view: valid until more is written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** One byte of a fixed header. */
  raw8(value: number): this {
    const at = this.#extend(1);
    this.#view.setUint8(at, value);
    return this;
  }
  /** Two bytes of a fixed header. */
  raw16(value: number): this {
    const at = this.#extend(2);
    this.#view.setUint16(at, value, true);
    return this;
  }
  /** Four bytes of a fixed header. */
  raw32(value: number): this {
    const at = this.#extend(4);
    this.#view.setUint32(at, value, true);
    return this;
  }
  /** Bytes as they are, padded to a multiple of four. */
  rawBytes(value: Uint8Array): this {
    const at = this.#extend(value.length);
    this.#bytes.set(value, at);
    this.#align();
    return this;
  }

  /** An attribute of one byte. */
  u8(type: number, value: number): this {
    return this.#open(type, 1).raw8(value).#align();
  }
  /** An attribute of two bytes. */
  u16(type: number, value: number): this {
    return this.#open(type, 2).raw16(value).#align();
  }
  /** An attribute of four bytes. */
  u32(type: number, value: number): this {
    return this.#open(type, 4).raw32(value);
  }
  /** An attribute of bytes as they are. */
  data(type: number, value: Uint8Array): this {
    return this.#open(type, value.length).rawBytes(value);
  }
  /** An attribute of text, with the zero byte at its end that the kernel expects. */
  text(type: number, value: string): this {
    return this.data(type, new TextEncoder().encode(`${value}\0`));
  }

  /**
   * An attribute that holds attributes.
   *
   * @param type of the attribute; list items have none of their own and give 0.
   * @throws {RangeError} if what `write` adds is longer than an attribute can be.
   */
  nested(type: number, write: () => void): this {
    const start = this.#length;
    this.#open(type | NESTED, 0);
    write();
    const length = this.#length - start;
    if (length > LENGTH_LIMIT) throw new RangeError(`attribute ${type} of ${length} bytes`);
    this.#view.setUint16(start, length, true);
    return this;
  }

  #open(type: number, length: number): this {
    if (HEADER_BYTES + length > LENGTH_LIMIT) {
      throw new RangeError(`attribute ${type} of ${length} bytes`);
    }
    return this.raw16(HEADER_BYTES + length).raw16(type);
  }

  #align(): this {
    this.#extend((ALIGNMENT - this.#length % ALIGNMENT) % ALIGNMENT);
    return this;
  }

  /** Makes room for so many bytes, all zero; may move the memory. @returns where they begin. */
  #extend(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = freshBytes(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length);
    }
    return start;
  }
}

/**
 * Reads the attributes of a body, one after another: `while (decoder.next()) switch (decoder.type)`.
 * No length that it finds is believed: everything that would reach beyond the body is a SystemError
 * with EBADMSG.
 */
export class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset: number;
  readonly #end: number;
  /** Where the value of the attribute at hand begins, and its length. */
  #start = 0;
  #length = 0;
  #type = -1;

  /** @param offset where the attributes begin: the size of the body's fixed header. */
  constructor(bytes: Uint8Array, offset = 0, end = bytes.length, view?: DataView) {
    if (offset > end) throw malformed(`body of ${end} bytes instead of ${offset}`);
    this.#bytes = bytes;
    this.#view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
    this.#end = end;
  }

  /** The type of the attribute at hand, without flags. */
  get type(): number {
    return this.#type;
  }
  /** The length of its value in bytes. */
  get length(): number {
    return this.#length;
  }

  /** Goes on to the next attribute. @returns false after the last. */
  next(): boolean {
    const left = this.#end - this.#offset;
    if (left < HEADER_BYTES) {
      if (left > 0) throw malformed(`${left} bytes after the last attribute`);
      return false;
    }
    const length = this.#view.getUint16(this.#offset, true);
    if (length < HEADER_BYTES || length > left) {
      throw malformed(`attribute of ${length} bytes where ${left} are left`);
    }
    this.#type = this.#view.getUint16(this.#offset + 2, true) & TYPE_MASK;
    this.#start = this.#offset + HEADER_BYTES;
    this.#length = length - HEADER_BYTES;
    // The padding of the last attribute may be missing.
    const aligned = (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    this.#offset = Math.min(this.#offset + aligned, this.#end);
    return true;
  }

  u8(): number {
    return this.#view.getUint8(this.#value(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#value(2), true);
  }
  /** A port number: network byte order. */
  u16BigEndian(): number {
    return this.#view.getUint16(this.#value(2));
  }
  u32(): number {
    return this.#view.getUint32(this.#value(4), true);
  }
  /** Four bytes in network byte order, as netfilter has them. */
  u32BigEndian(): number {
    return this.#view.getUint32(this.#value(4));
  }
  /** As a number: exact up to 2^53, which is 8 PiB of a byte counter. */
  u64(): number {
    const at = this.#value(8);
    return this.#view.getUint32(at, true) + 2 ** 32 * this.#view.getUint32(at + 4, true);
  }
  /** The value as it is. A view on the body. */
  data(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + this.#length);
  }
  /** The value as text, up to its first zero byte. Bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    const bytes = this.data();
    const zero = bytes.indexOf(0);
    return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
  }
  /** The attributes inside this one. */
  nested(): Decoder {
    return new Decoder(this.#bytes, this.#start, this.#start + this.#length, this.#view);
  }

  #value(size: number): number {
    if (this.#length !== size) {
      throw malformed(`attribute ${this.#type} has ${this.#length} bytes instead of ${size}`);
    }
    return this.#start;
  }
}

/** A view on the fixed header of a body. @throws {SystemError} if the body is shorter. */
export function fixedHeader(body: Uint8Array, size: number): DataView {
  if (body.length < size) throw malformed(`body of ${body.length} bytes instead of ${size}`);
  return new DataView(body.buffer, body.byteOffset, size);
}
