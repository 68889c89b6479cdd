import { messageOf, UserError } from "../user_error.ts";
import { writeWholeFile } from "../write_whole_file.ts";
import { generatePrivateKey, parsePrivateKey, printPrivateKey, type PrivateKey } from "./key.ts";

/** A private key and where it came from. */
export interface Identity {
  readonly privateKey: PrivateKey;
  readonly origin: "file" | "interface" | "new";
}

/**
 * Finds the key of this node, or makes one: from the key file; if that is missing, the key of the
 * interface that is taken over, else a new one, and the file is written (mode 0600). Without a file:
 * the interface's key, else a new one that is forgotten with the interface.
 *
 * @throws {UserError} if the file is malformed, unreadable or cannot be written. It is never
 * overwritten.
 */
export async function loadIdentity(
  file: string | undefined,
  interfaceKey: PrivateKey | undefined,
): Promise<Identity> {
  const fromFile = file === undefined ? undefined : await readKeyFile(file);
  if (fromFile) return { privateKey: fromFile, origin: "file" };
  const privateKey = interfaceKey ?? await generatePrivateKey();
  if (file !== undefined && !await createKeyFile(file, privateKey)) {
    // Somebody else made the file since: it counts, and both have one key.
    const winner = await readKeyFile(file);
    if (winner) return { privateKey: winner, origin: "file" };
    throw new UserError(
      `cannot write the private key file ${file}: it is a link that leads nowhere`,
    );
  }
  return { privateKey, origin: interfaceKey ? "interface" : "new" };
}

/** What an administrator should know of a key that is in no file; undefined if there is nothing. */
export function riskOf({ origin }: Identity, file: string | undefined): string | undefined {
  if (origin !== "new" || file !== undefined) return undefined;
  return "a new key was made, and it is in the interface alone: with that it is lost, and whoever " +
    "pins it is locked out; give --private-key-file";
}

/** @returns false if the file is there. */
async function createKeyFile(file: string, key: PrivateKey): Promise<boolean> {
  try {
    await writeWholeFile(file, printPrivateKey(key), { mode: 0o600, createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw new UserError(`cannot write the private key file ${file}: ${messageOf(error)}`);
  }
}

/**
 * The key in a file; undefined if there is no such file.
 *
 * @throws {UserError} if it is there but is no key or cannot be read.
 */
export async function readKeyFile(file: string): Promise<PrivateKey | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UserError(`cannot read the private key file ${file}: ${messageOf(error)}`);
  }
  const key = await parsePrivateKey(text);
  if (key) return key;
  throw new UserError(
    `${file} holds no WireGuard private key (44 characters of base64, as "wg genkey" prints); ` +
      `mend it, or move it away: then the interface's key is written, or a new one if there is none`,
  );
}
