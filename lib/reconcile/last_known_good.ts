import { messageOf } from "../user_error.ts";
import { parseQuickConfig, type PrintableConfig, printQuickConfig } from "../wireguard/wg_quick.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import { writeWholeFile } from "../write_whole_file.ts";

/**
 * The configuration that last worked, kept on disk in wg-quick(8)'s format, so that after a reboot
 * the tunnel stands before any API answers.
 */
export class LastKnownGood {
  readonly #path: string;
  #written: string | undefined;

  /** @param path e.g. `/etc/wireguard/wg0.conf`. */
  constructor(path: string) {
    this.#path = path;
  }

  /** The peers of the file; undefined if there is none, or none that can be read. */
  async peers(): Promise<WantedPeers | undefined> {
    try {
      const { peers } = parseQuickConfig(await Deno.readTextFile(this.#path));
      return peers.length === 0 ? undefined : new Map(peers.map((peer) => [peer.publicKey, peer]));
    } catch {
      return undefined; // a convenience that is not there is no fault
    }
  }

  /**
   * Writes the file if it would differ from what was last written.
   *
   * @returns why it could not be written, or undefined. The tunnel goes on without it.
   */
  async save(config: PrintableConfig): Promise<string | undefined> {
    const text = printQuickConfig(config);
    if (text === this.#written) return undefined;
    try {
      await writeWholeFile(this.#path, text, { mode: 0o600 });
      this.#written = text;
      return undefined;
    } catch (error) {
      return `${this.#path} cannot be written, so a reboot will have to wait for the API: ${
        messageOf(error)
      }`;
    }
  }
}
