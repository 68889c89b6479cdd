import { ERRNO, SystemError } from "../netlink/system_error.ts";

/**
 * What to tell the user where the kernel only says EADDRINUSE; undefined for any other error.
 *
 * @param port the UDP port that the interface was to have.
 */
export function portInUse(error: unknown, port: number): Error | undefined {
  if (!(error instanceof SystemError) || error.errno !== ERRNO.EADDRINUSE) return undefined;
  return new Error(
    `UDP port ${port} is in use by another program: end that, or choose another --listen-port`,
    { cause: error },
  );
}
