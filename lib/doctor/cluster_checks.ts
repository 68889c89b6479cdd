import { checkApi } from "./checks/api.ts";
import { checkClock } from "./checks/clock.ts";
import { checkCredential } from "./checks/credential.ts";
import { checkRights } from "./checks/rights.ts";
import type { Finding } from "./finding.ts";
import type { Cluster } from "./read_cluster.ts";

/**
 * The checks of how this machine stands with the API, by their names.
 *
 * @param time milliseconds since 1970.
 */
export function clusterChecks(cluster: Cluster, time: number): Record<string, Finding> {
  return {
    "API": checkApi(cluster.api),
    "credential": checkCredential(cluster.validity, time),
    "clock": checkClock(cluster.skewMs),
    "rights": checkRights(cluster.rights),
  };
}
