import { type AccountCredentials, accountCredentials } from "./account_credentials.ts";
import type { Cluster } from "./cluster.ts";

export { SERVICE_ACCOUNT_PATH } from "./account_credentials.ts";

/** A token of the hub's account that is bound to a Node, which must exist. */
export function hubCredentials(cluster: Cluster, nodeName: string): Promise<AccountCredentials> {
  return accountCredentials(cluster, "wireguard-hub", nodeName);
}
