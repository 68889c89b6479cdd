import type { PrivateKey } from "../../lib/wireguard/key.ts";

/** The private part of a key in PKCS #8 (RFC 8410): its last bytes. */
const PRIVATE_BYTES = 32;

/**
 * Stands for WebCrypto while it is installed, as far as the public keys of known private keys are
 * asked for. The real one answers from another thread, and so never at the same moment twice.
 */
export class KnownKeys implements Disposable {
  readonly #restore: () => void;

  constructor(keys: readonly PrivateKey[]) {
    const known = new Map(keys.map((key) => [key.bytes().toHex(), key.publicKey]));
    const { subtle } = crypto;
    const { importKey, exportKey } = subtle;
    this.#restore = () => Object.assign(subtle, { importKey, exportKey });
    Object.assign(subtle, {
      importKey: (_: string, pkcs8: Uint8Array) =>
        Promise.resolve(known.get(pkcs8.slice(-PRIVATE_BYTES).toHex())),
      exportKey: (_: string, publicKey: string) =>
        Promise.resolve({
          x: publicKey.replace("=", "").replaceAll("+", "-").replaceAll("/", "_"),
        }),
    });
  }

  [Symbol.dispose](): void {
    this.#restore();
  }
}
