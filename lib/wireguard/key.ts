import { decodeBase64, encodeBase64 } from "@std/encoding/base64";

/** A public key as everybody writes it: base64 of 32 bytes, 44 characters. Equal text is equal key. */
export type PublicKey = string & { readonly publicKey: unique symbol };

/** The key of all zeros: no peer's, so it serves as the throw-away peer that takes prefixes away. */
export const ZERO_KEY = `${"A".repeat(43)}=` as PublicKey;

const PRIVATE = Symbol("private");

/**
 * A private key that does not show itself: printed, logged, inspected or turned into JSON it is
 * `(private key)`. Its bytes are had by {@linkcode PrivateKey.bytes} alone.
 */
export class PrivateKey {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** The public key that belongs to it. */
  readonly publicKey: PublicKey;

  constructor(token: typeof PRIVATE, bytes: Uint8Array<ArrayBuffer>, publicKey: PublicKey) {
    if (token !== PRIVATE) throw new TypeError("use generatePrivateKey or privateKeyFromBytes");
    this.#bytes = bytes;
    this.publicKey = publicKey;
  }

  /** The 32 bytes, clamped. Only for the kernel and the key file. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  toString(): string {
    return "(private key)";
  }
  toJSON(): string {
    return this.toString();
  }
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** Makes a new private key from the system's randomness. */
export function generatePrivateKey(): Promise<PrivateKey> {
  return privateKeyFromBytes(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * The private key of 32 bytes. They are clamped first (RFC 7748, section 5): the kernel clamps
 * too, and would take an unclamped key for a changed one each time it is set.
 *
 * @throws {RangeError} if there are not 32 bytes or all of them are zero.
 */
export async function privateKeyFromBytes(bytes: Uint8Array): Promise<PrivateKey> {
  if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`);
  if (bytes.every((byte) => byte === 0)) throw new RangeError("a key of zeros is no key");
  const clamped = Uint8Array.from(bytes);
  clamped[0] = clamped[0]! & 248;
  clamped[31] = (clamped[31]! & 127) | 64;
  return new PrivateKey(PRIVATE, clamped, await derivePublicKey(clamped));
}

/**
 * The private key of its base64 text; blanks around it are ignored, as `wg genkey` writes a newline.
 *
 * @returns undefined if it is no key. The text is never part of an error.
 */
export async function parsePrivateKey(text: string): Promise<PrivateKey | undefined> {
  const bytes = keyBytes(text.trim());
  if (bytes === undefined || bytes.every((byte) => byte === 0)) return undefined;
  return await privateKeyFromBytes(bytes);
}

/** The private key as its file has it: base64 and a newline. */
export function printPrivateKey(key: PrivateKey): string {
  return `${encodeBase64(key.bytes())}\n`;
}

/** Checks a public key's text: strict base64 of 32 bytes. Undefined if it is not that. */
export function parsePublicKey(text: string): PublicKey | undefined {
  return KEY.test(text) ? text as PublicKey : undefined;
}

/** The 32 bytes of a public key. */
export function publicKeyBytes(key: PublicKey): Uint8Array<ArrayBuffer> {
  return keyBytes(key)!;
}

/** The public key of its 32 bytes. */
export function publicKeyFromBytes(bytes: Uint8Array): PublicKey {
  return bytes.toBase64() as PublicKey;
}

/** 43 characters and one `=`, the last character carrying no stray bits: exactly one text per key. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

function keyBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  return KEY.test(text) ? decodeBase64(text) : undefined;
}

/** X25519 of the base point (RFC 7748), by WebCrypto: it wants PKCS #8 and gives the public part as JWK. */
async function derivePublicKey(bytes: Uint8Array): Promise<PublicKey> {
  const pkcs8 = new Uint8Array(48);
  // RFC 8410, section 7: version 0, algorithm id-X25519, an OCTET STRING in an OCTET STRING.
  pkcs8.set([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e]);
  pkcs8.set([0x04, 0x22, 0x04, 0x20], 12);
  pkcs8.set(bytes, 16);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return `${x!.replaceAll("-", "+").replaceAll("_", "/")}=` as PublicKey;
}
