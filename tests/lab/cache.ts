/**
 * The folder that keeps what the lab has built: `$WG_KUBE_LAB_CACHE`, else `wg-kube-lab` under
 * `$XDG_CACHE_HOME` or `~/.cache`. It lies outside the checkout and may be deleted at any time.
 */
export function cacheFolder(): string {
  const own = Deno.env.get("WG_KUBE_LAB_CACHE");
  if (own) return own;
  const home = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") || "/root"}/.cache`;
  return `${home}/wg-kube-lab`;
}

/**
 * A folder of the cache, built if it is not there yet. `ingredients` is all that the outcome hangs
 * on (recipe, versions, contents): another ingredient, another entry. An entry appears whole or not
 * at all, and of several processes that want it one builds while the others wait.
 *
 * @param build fills the empty folder that it is given, which is renamed afterwards.
 * @param cache where entries lie.
 * @returns the path of the entry.
 */
export async function cached(
  name: string,
  ingredients: readonly string[],
  build: (folder: string) => Promise<void>,
  cache = cacheFolder(),
): Promise<string> {
  const entry = `${cache}/${name}-${await fingerprint([name, ...ingredients])}`;
  if (await exists(entry)) return entry;
  await Deno.mkdir(cache, { recursive: true });
  // The kernel drops the lock when its holder dies, so a killed builder blocks nobody.
  using lock = await Deno.open(`${entry}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await exists(entry)) return entry;
  const unfinished = `${entry}.unfinished`;
  await Deno.remove(unfinished, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(unfinished);
  await build(unfinished);
  await Deno.rename(unfinished, entry);
  return entry;
}

/** 16 hexadecimal digits that stand for the texts. */
async function fingerprint(texts: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(texts));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function ignoreMissing(thrown: unknown): void {
  if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
}
