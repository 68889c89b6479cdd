import { encodeBase64 } from "@std/encoding/base64";
import { printPrivateKey, type PrivateKey } from "../../lib/wireguard/key.ts";
import { Violation } from "./violation.ts";

/** Looks for private keys, in any of the ways to write one, where there must be none. */
export class SecretsWatch {
  readonly #secrets: readonly string[];

  constructor(keys: readonly PrivateKey[]) {
    this.#secrets = keys.flatMap((key) => {
      const text = printPrivateKey(key).trim();
      const bytes = key.bytes();
      return [text, encodeBase64(text), bytes.toHex(), bytes.join()];
    });
  }

  /** Somebody else may read this. @throws {Violation} */
  published(text: string): void {
    if (this.#holdsSecret(text)) throw new Violation("secret", "a private key was written");
  }

  /** A file was written with these permission bits. @throws {Violation} */
  filed(path: string, mode: number, text: string): void {
    if ((mode & 0o077) === 0 || !this.#holdsSecret(text)) return;
    throw new Violation("secret", `a private key was written to ${path}, which others can read`);
  }

  #holdsSecret(text: string): boolean {
    return this.#secrets.some((secret) => text.includes(secret));
  }
}
