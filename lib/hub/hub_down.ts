import { annotationKeys } from "../contract/annotation_keys.ts";
import { ApiClient } from "../kubernetes/api_client.ts";
import { type CredentialsOptions, openCredentials } from "../kubernetes/credentials.ts";
import { messageOf, UserError } from "../user_error.ts";
import { readKeyFile } from "../wireguard/identity.ts";
import { HubLock } from "./hub_lock.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import { inspectTunnel, type TunnelOptions } from "../tunnel/open_tunnel.ts";
import { withdraw } from "../reconcile/withdraw.ts";

/** The options of `hub down`. */
export interface HubDownOptions extends TunnelOptions, CredentialsOptions {
  readonly annotationPrefix: string;
  readonly nodeName: string;
  readonly stateDir: string;
}

/** How long the API may take, in ms: whoever takes a hub away wants it gone. */
const LIMIT = 10_000;

/**
 * `hub down`: takes away the interface, with its addresses and routes, and what the Node says of this
 * hub. Key file and label stay.
 *
 * @throws {UserError} while a hub runs here, if the interface is somebody else's, and if the API
 * could not be told: the interface is gone then.
 */
export async function hubDown(options: HubDownOptions, says: LoopLog): Promise<void> {
  const { nodeName, annotationPrefix, stateDir } = options;
  const keys = annotationKeys(annotationPrefix);
  using lock = await HubLock.try(stateDir, says.troubleOf("lock"));
  if (!lock) {
    throw new UserError(
      `a hub runs on this node and would undo this: end it first, in a cluster by ` +
        `kubectl label node ${nodeName} ${keys.hub}-`,
    );
  }
  using own = await inspectTunnel(options);
  const fileKey = options.privateKeyFile && await readKeyFile(options.privateKeyFile);
  const found = await own.tunnel.claim(fileKey || undefined, options.adopt);
  if (found && !own.tunnel.remove()) {
    throw new UserError(
      `${options.interface} stands: somebody has just made it anew; ip link delete ${options.interface}`,
    );
  }
  says.did(found ? "interface removed" : "there was no interface", {
    interface: options.interface,
  });
  try {
    await using api = new ApiClient(await openCredentials(options));
    const signal = AbortSignal.timeout(LIMIT);
    const node = await api.getNode(nodeName, signal);
    const removed = node ? await withdraw(api, node, keys, signal) : [];
    says.did("annotations removed", { node: nodeName, annotations: removed.join(",") });
  } catch (error) {
    const names = [keys.publicKey, keys.endpoint, keys.allowedIPs].map((key) => `${key}-`);
    throw new UserError(
      `the interface is gone, but what the node says of it is not (${messageOf(error)}); ` +
        `remove it: kubectl annotate node ${nodeName} ${names.join(" ")}`,
      { cause: error },
    );
  }
}
