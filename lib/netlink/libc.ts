import { ERRNO, SystemError } from "./system_error.ts";

/** What is taken from libc.so.6: the only foreign functions of the program. */
const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  // Off the main thread: it is the one call here that waits. Its errno is lost with that thread.
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  close: { parameters: ["i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  geteuid: { parameters: [], result: "u32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** A buffer as the calls take it: they write to the memory itself. */
export type Bytes = Uint8Array<ArrayBuffer>;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
const POLLIN = 1;
/** Files under /proc/sys hold a line. */
const SMALL_FILE_BYTES = 4096;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

/** Opened at the first call, so that importing this needs no permission. Needs --allow-ffi, unscoped. */
function libc(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  library ??= Deno.dlopen("libc.so.6", SYMBOLS);
  return library.symbols;
}

/** Gives the library back, for tests that count resources; the next call opens it again. */
export function closeLibc(): void {
  library?.close();
  library = undefined;
}

/** The result of a call, or its error: errno is read at once, before anything else can change it. */
function checked(operation: string, result: number | bigint): number {
  if (result >= 0) return Number(result);
  const location = libc().__errno_location();
  if (location === null) throw new SystemError(operation, ERRNO.EIO);
  throw new SystemError(operation, new Deno.UnsafePointerView(location).getInt32());
}

/** socket(2), not handed on to child processes. @returns the descriptor. */
export function openSocket(domain: number, type: number, protocol: number): number {
  return checked("socket", libc().socket(domain, type | SOCK_CLOEXEC, protocol));
}

/** bind(2) to a sockaddr. */
export function bindSocket(descriptor: number, address: Bytes): void {
  checked("bind", libc().bind(descriptor, address, address.length));
}

/** getsockname(2): fills `address` with the sockaddr. */
export function socketAddress(descriptor: number, address: Bytes): void {
  const length = new Uint8Array(Uint32Array.of(address.length).buffer);
  checked("getsockname", libc().getsockname(descriptor, address, length));
}

/** setsockopt(2) of an int, or of a struct given as bytes. */
export function setSocketOption(
  descriptor: number,
  level: number,
  option: number,
  value: number | Bytes,
): void {
  const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
  checked("setsockopt", libc().setsockopt(descriptor, level, option, bytes, bytes.length));
}

/** sendto(2) of one datagram to a sockaddr. @param operation names the error. */
export function sendDatagram(
  descriptor: number,
  data: Bytes,
  address: Bytes,
  operation = "sendto",
): void {
  const length = BigInt(data.length);
  checked(operation, libc().sendto(descriptor, data, length, 0, address, address.length));
}

/**
 * recvfrom(2) of one datagram; interrupted calls are repeated.
 *
 * @param sender is filled with the sockaddr of who sent it.
 * @param wait whether to wait for one (as long as SO_RCVTIMEO) or to throw EAGAIN at once.
 * @param operation names the error.
 * @returns its length, which is more than the buffer's if the rest of it was lost.
 */
export function receiveDatagram(
  descriptor: number,
  buffer: Bytes,
  sender: Bytes,
  wait: boolean,
  operation: string,
): number {
  const { recvfrom } = libc();
  const flags = MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT);
  const size = BigInt(buffer.length);
  for (let attempt = 1;; attempt++) {
    const senderLength = new Uint8Array(Uint32Array.of(sender.length).buffer);
    const length = recvfrom(descriptor, buffer, size, flags, sender, senderLength);
    try {
      return checked(operation, length);
    } catch (error) {
      const interrupted = error instanceof SystemError && error.errno === ERRNO.EINTR;
      if (!interrupted || attempt === 100) throw error;
    }
  }
}

/**
 * poll(2) without blocking the event loop. It cannot be cut short: keep the limit low.
 *
 * @returns whether there is something to read (data or an error) within so many milliseconds.
 */
export async function waitReadable(descriptor: number, limit: number): Promise<boolean> {
  const request = new Uint8Array(8); // struct pollfd: int fd; short events; short revents
  const view = new DataView(request.buffer);
  view.setInt32(0, descriptor, true);
  view.setInt16(4, POLLIN, true);
  return await libc().poll(request, 1n, limit) > 0 && view.getInt16(6, true) !== 0;
}

/** close(2). */
export function closeDescriptor(descriptor: number): void {
  checked("close", libc().close(descriptor));
}

/** The effective user of the process; 0 is root. */
export function effectiveUser(): number {
  return libc().geteuid();
}

/**
 * The text of a file of at most 4096 bytes. For /proc/sys, which Deno itself opens only with all
 * permissions.
 *
 * @throws {SystemError}
 */
export function readSmallFile(path: string): string {
  const descriptor = openFile(path, O_CLOEXEC);
  try {
    const buffer = new Uint8Array(SMALL_FILE_BYTES);
    const length = checked(
      `read ${path}`,
      libc().read(descriptor, buffer, BigInt(buffer.length)),
    );
    return new TextDecoder().decode(buffer.subarray(0, length));
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Writes a text, in one call, to a file that exists: a setting under /proc/sys. @throws {SystemError} */
export function writeSmallFile(path: string, text: string): void {
  const descriptor = openFile(path, O_WRONLY | O_CLOEXEC);
  try {
    const bytes = new TextEncoder().encode(text);
    checked(`write ${path}`, libc().write(descriptor, bytes, BigInt(bytes.length)));
  } finally {
    closeDescriptor(descriptor);
  }
}

function openFile(path: string, flags: number): number {
  return checked(`open ${path}`, libc().open(new TextEncoder().encode(`${path}\0`), flags));
}

/**
 * Sends one datagram to a Unix socket, as sd_notify(3) does; a path that begins with `@` is an
 * abstract one.
 *
 * @throws {SystemError} ENAMETOOLONG for a path above 107 bytes, and what the kernel refuses.
 */
export function sendToUnixSocket(path: string, text: string): void {
  const name = new TextEncoder().encode(path);
  if (name.length > 107) throw new SystemError(`send to ${path}`, ERRNO.ENAMETOOLONG);
  const abstract = path.startsWith("@");
  // An abstract name is as long as the sockaddr says; a path ends with a zero byte.
  const address = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  if (abstract) address[2] = 0;
  const descriptor = openSocket(AF_UNIX, SOCK_DGRAM, 0);
  try {
    sendDatagram(descriptor, new TextEncoder().encode(text), address, `send to ${path}`);
  } finally {
    closeDescriptor(descriptor);
  }
}
