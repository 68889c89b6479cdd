import type { Device } from "../wireguard/device.ts";
import { type Identity, loadIdentity, readKeyFile } from "../wireguard/identity.ts";
import type { Tunnel } from "./tunnel.ts";

/** The options that decide whether an interface is ours, and which key is. */
export interface OwnershipOptions {
  readonly privateKeyFile: string | undefined;
  readonly adopt: boolean;
}

/** Who this node is, and its interface, if that is there already. */
export interface Ownership extends Identity {
  readonly found: Device | undefined;
}

/**
 * Finds out who this node is: from the key file, from an interface that is ours to take over, or
 * anew. Nothing is changed but a key file that is missing.
 *
 * @throws {UserError} if the interface is somebody else's, or the key file is unusable.
 */
export async function takeOver(tunnel: Tunnel, options: OwnershipOptions): Promise<Ownership> {
  const { privateKeyFile, adopt } = options;
  const fileKey = privateKeyFile === undefined ? undefined : await readKeyFile(privateKeyFile);
  const found = await tunnel.claim(fileKey, adopt);
  return { found, ...await loadIdentity(privateKeyFile, found?.privateKey) };
}
