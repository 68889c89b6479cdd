import { type Finding, ok, skipped, warning } from "../finding.ts";

/** How far clocks may be apart, in ms. An answer's date has whole seconds. */
const TOLERANCE = 60_000;

/**
 * Certificates and tokens have dates, and so has WireGuard's handshake: a machine whose clock has
 * gone back is not heard again until it has caught up (WireGuard's paper, section 5.1).
 *
 * @param skewMs this clock's lead over the API server's; undefined if that has not told its time.
 */
export function checkClock(skewMs: number | undefined): Finding {
  if (skewMs === undefined) return skipped("the API server has not told its time");
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= TOLERANCE) return ok("agrees with the API server's");
  return warning(
    `${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} the API server's`,
    "timedatectl set-ntp true; see timedatectl timesync-status or chronyc tracking",
  );
}
