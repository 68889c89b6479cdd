import type { WantedPeers } from "../wireguard/plan_device.ts";
import { LastKnownGood } from "./last_known_good.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";
import type { Ownership } from "../tunnel/take_over.ts";
import { writePublicKey } from "./write_public_key.ts";

/** Where a spoke keeps what it has to know when it begins. */
export interface SpokeFiles {
  readonly privateKeyFile: string;
  /** The configuration that last worked, e.g. `/etc/wireguard/wg0.conf`. */
  readonly configFile: string;
}

/** What a spoke keeps on its disk, so that after a reboot the tunnel stands before any API answers. */
export interface SpokeMemory {
  readonly lastKnown: LastKnownGood;
  /** The peers that it had; undefined if there were none. If the interface has some, it knows better. */
  readonly peers: WantedPeers | undefined;
}

/** Reads what the last program knew, and writes the public key beside the private one. */
export async function openSpokeMemory(
  { privateKeyFile, configFile }: SpokeFiles,
  { privateKey: { publicKey } }: Pick<Ownership, "privateKey">,
  says: Pick<LoopLog, "matter">,
): Promise<SpokeMemory> {
  says.matter("public key", await writePublicKey(privateKeyFile, publicKey));
  const lastKnown = new LastKnownGood(configFile, publicKey);
  return { lastKnown, peers: await lastKnown.peers() };
}
