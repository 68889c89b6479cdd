import { folderOf } from "../folder_of.ts";
import { messageOf } from "../user_error.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { writeWholeFile } from "../write_whole_file.ts";

/**
 * Writes the public key beside the private one, for people to read, if it is not there yet.
 *
 * @returns why it could not be written, or undefined.
 */
export async function writePublicKey(
  privateKeyFile: string,
  publicKey: PublicKey,
): Promise<string | undefined> {
  const file = `${folderOf(privateKeyFile)}/public.key`;
  const text = `${publicKey}\n`;
  try {
    if (await Deno.readTextFile(file).catch(() => "") === text) return undefined;
    await writeWholeFile(file, text, { mode: 0o644 });
    return undefined;
  } catch (error) {
    return `${file} cannot be written: ${messageOf(error)}`;
  }
}
