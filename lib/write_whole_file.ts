import { folderOf } from "./folder_of.ts";

/** How to write a file with {@linkcode writeWholeFile}. */
export interface WriteOptions {
  /** Permission bits, e.g. 0o600: in force before the first byte is written. */
  readonly mode: number;
  /** Refuse to replace a file that is there. */
  readonly createNew?: boolean;
}

/**
 * Writes a file whole or not at all, also when the machine stops in between: a finished draft
 * beside it takes its name. Missing folders are made (mode 0755).
 *
 * @throws {Deno.errors.AlreadyExists} with `createNew`, if the file is there.
 */
export async function writeWholeFile(
  path: string,
  text: string,
  { mode, createNew = false }: WriteOptions,
): Promise<void> {
  await Deno.mkdir(folderOf(path), { recursive: true, mode: 0o755 });
  const draft = `${path}.${crypto.randomUUID()}`;
  try {
    await writeDurably(draft, text, mode);
    if (createNew) await Deno.link(draft, path); // rename(2) would replace
    else await Deno.rename(draft, path);
  } catch (error) {
    // The draft's name differs each time: nobody could tell that a fault is the same as before.
    if (error instanceof Error) error.message = error.message.replaceAll(draft, path);
    throw error;
  } finally {
    await Deno.remove(draft).catch(() => {}); // gone already after a rename
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.syncData();
}
