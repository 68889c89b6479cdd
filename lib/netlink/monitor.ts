import { ERRNO, SystemError } from "./system_error.ts";
import { NETLINK, openTransport, type Transport } from "./transport.ts";

/** The multicast groups of rtnetlink, as the bits that bind(2) takes (linux/rtnetlink.h). */
const GROUPS = 0x1 | // links
  0x10 | 0x100 | // IPv4 and IPv6 addresses
  0x40 | 0x400 | // routes
  0x80 | 0x4_0000; // rules

/** Milliseconds that a wait lasts at most: it cannot be cut short, so this is how late the end comes. */
const SLICE = 500;
/** Datagrams that are taken in one go: someone who changes things without end must not hold us here. */
const DRAIN_LIMIT = 10_000;

/**
 * Watches links, addresses, routes and rules of the namespace, whoever changes them: calls back once
 * for each burst of notifications, without saying what changed. That some had to be dropped (ENOBUFS)
 * is a change too.
 *
 * @returns when the signal is aborted.
 * @throws {SystemError} if the socket fails.
 */
export async function watchNetwork(onChange: () => void, signal: AbortSignal): Promise<void> {
  using transport = openTransport(NETLINK.ROUTE, GROUPS);
  while (!signal.aborted) {
    if (!await transport.readable(SLICE)) continue;
    if (drain(transport) && !signal.aborted) onChange();
  }
}

/** Throws away all that has come. @returns whether there was anything. */
function drain(transport: Transport): boolean {
  for (let taken = 0; taken < DRAIN_LIMIT; taken++) {
    try {
      if (transport.receive("watch network", false) === undefined) return taken > 0;
    } catch (error) {
      const lost = error instanceof SystemError &&
        (error.errno === ERRNO.ENOBUFS || error.errno === ERRNO.EMSGSIZE);
      if (!lost) throw error;
    }
  }
  return true;
}
