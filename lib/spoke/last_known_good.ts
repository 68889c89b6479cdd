import { messageOf } from "../user_error.ts";
import type { PublicKey } from "../wireguard/key.ts";
import {
  parseQuickConfig,
  type PrintableConfig,
  printQuickConfig,
  quickPrivateKey,
} from "../wireguard/wg_quick.ts";
import type { WantedPeers } from "../wireguard/plan_device.ts";
import { writeWholeFile } from "../write_whole_file.ts";

/**
 * The configuration that last worked, kept on disk in wg-quick(8)'s format, so that after a reboot
 * the tunnel stands before any API answers. A file with another key is somebody else's: it is not
 * followed, and before it is replaced a copy of it is kept beside it.
 */
export class LastKnownGood {
  readonly #path: string;
  readonly #ownKey: PublicKey;
  #written: string | undefined;

  /** @param path e.g. `/etc/wireguard/wg0.conf`. */
  constructor(path: string, ownKey: PublicKey) {
    this.#path = path;
    this.#ownKey = ownKey;
  }

  /** The peers of the file; undefined if there is none, or none of ours that can be read. */
  async peers(): Promise<WantedPeers | undefined> {
    const text = await this.#read();
    if (text === undefined || !await this.#isOurs(text)) return undefined;
    const { peers } = parseQuickConfig(text);
    return peers.length === 0 ? undefined : new Map(peers.map((peer) => [peer.publicKey, peer]));
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
      await this.#setAside();
      await writeWholeFile(this.#path, text, { mode: 0o600 });
      this.#written = text;
      return undefined;
    } catch (error) {
      return `${this.#path} cannot be written, so a reboot will have to wait for the API: ${
        messageOf(error)
      }`;
    }
  }

  /** A convenience that is not there, or cannot be read, is no fault. */
  async #read(): Promise<string | undefined> {
    try {
      return await Deno.readTextFile(this.#path);
    } catch {
      return undefined;
    }
  }

  async #isOurs(text: string): Promise<boolean> {
    return (await quickPrivateKey(text))?.publicKey === this.#ownKey;
  }

  async #setAside(): Promise<void> {
    if (this.#written !== undefined) return;
    const text = await this.#read();
    if (text === undefined || await this.#isOurs(text)) return;
    await writeWholeFile(`${this.#path}.before-wg-kube`, text, { mode: 0o600, createNew: true })
      .catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
  }
}
