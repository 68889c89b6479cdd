import type { LabHost } from "./lab_host.ts";

/** The counters of an interface that stand still while all goes well; their kernel names (if_link.h). */
const COUNTERS = ["rx_errors", "rx_dropped", "rx_frame_errors", "tx_errors", "tx_dropped"] as const;

/** The error counters of an interface of a host. */
export type InterfaceErrors = Readonly<Record<typeof COUNTERS[number], number>>;

/**
 * Reads them. WireGuard counts in rx_frame_errors what a peer sent from an address that is not among
 * its allowed IPs, and in tx_errors what had no peer to go to.
 */
export async function interfaceErrors(host: LabHost, name: string): Promise<InterfaceErrors> {
  const files = COUNTERS.map((counter) => `/sys/class/net/${name}/statistics/${counter}`);
  const numbers = (await host.run(["cat", ...files])).trim().split("\n").map(Number);
  return Object.fromEntries(
    COUNTERS.map((counter, at) => [counter, numbers[at]]),
  ) as InterfaceErrors;
}
