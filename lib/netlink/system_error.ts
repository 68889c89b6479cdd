/** The error numbers that this program meets, as on every Linux that Deno runs on (errno(3)). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  EROFS: 30,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
} as const;

const NAMES = new Map<number, string>(
  Object.entries(ERRNO).map(([name, number]) => [number, name]),
);

/**
 * What the kernel, or a program that speaks for it, refused. `operation` says what was asked for,
 * `errno` is the kernel's number, `detail` its own explanation where it gave one. A reply that cannot
 * be read is EBADMSG, one that does not come ETIMEDOUT.
 */
export class SystemError extends Error {
  override name = "SystemError";

  constructor(readonly operation: string, readonly errno: number, readonly detail?: string) {
    super(`${operation}: ${errnoName(errno)}${detail ? ` (${detail})` : ""}`);
  }

  /** The name of the number: `EEXIST`. */
  get code(): string {
    return errnoName(this.errno);
  }
  /** Whether this kernel lacks the thing, for example the link kind `wireguard`. */
  get isUnsupported(): boolean {
    return this.errno === ERRNO.EOPNOTSUPP || this.errno === ERRNO.EPROTONOSUPPORT ||
      this.errno === ERRNO.EAFNOSUPPORT || this.errno === ERRNO.ENOSYS;
  }
  /** Whether the process lacks a right: CAP_NET_ADMIN for nearly everything here. */
  get isForbidden(): boolean {
    return this.errno === ERRNO.EPERM || this.errno === ERRNO.EACCES;
  }
  /** Whether the thing to make is there already. */
  get isExisting(): boolean {
    return this.errno === ERRNO.EEXIST;
  }
  /** Whether the thing to change, read or remove is not there. */
  get isMissing(): boolean {
    return this.errno === ERRNO.ENOENT || this.errno === ERRNO.ESRCH ||
      this.errno === ERRNO.ENODEV || this.errno === ERRNO.EADDRNOTAVAIL;
  }
}

/** The error of a reply that is not what its format allows. */
export function malformed(detail: string): SystemError {
  return new SystemError("read reply", ERRNO.EBADMSG, detail);
}

/** `EEXIST` for 17; `errno 999` for a number without a name here. */
function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}
