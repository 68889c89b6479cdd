import { VERSION } from "../lib/version.ts";
import { DIST } from "./bundle.ts";
import { ARCHITECTURES } from "./compile.ts";
import { PROGRAMS } from "./permissions.ts";
import { type LockFile, printSbom, readGraphs } from "./sbom.ts";

/** What a release has besides its executables: files of this repository. */
const SHIPPED = [
  "install.sh",
  "deploy/wg-spoke.service",
  "deploy/host/networkd.conf",
  "deploy/host/NetworkManager.conf",
  "deploy/cloud-init.yaml",
  "LICENSE",
];
const ROOT = new URL("../", import.meta.url);

/** The names of the executables, as `deno task compile` leaves them. */
export const EXECUTABLES: readonly string[] = PROGRAMS.flatMap((program) =>
  ARCHITECTURES.map((architecture) => `${program}-${architecture}`)
);

/**
 * Puts the files of a release into a folder, which is made anew: the executables, what install.sh fetches
 * besides, cloud-init.yaml with the checksums filled in, what it is all made of, and SHA256SUMS, which
 * has a line for each of them.
 *
 * @param dist the folder of the executables.
 * @param sbom see {@linkcode printSbom}.
 * @throws {Deno.errors.NotFound} if one of them is not there.
 */
export async function assembleRelease(
  { dist, folder, sbom }: { dist: string; folder: string; sbom: string },
): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(folder, { recursive: true });
  const sums = new Map<string, string>();
  const put = async (name: string, bytes: Uint8Array<ArrayBuffer>) => {
    await Deno.writeFile(`${folder}/${name}`, bytes);
    sums.set(name, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex());
  };
  for (const name of EXECUTABLES) await put(name, await Deno.readFile(`${dist}/${name}`));
  for (const path of SHIPPED) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const text = await Deno.readTextFile(new URL(path, ROOT));
    await put(
      name,
      new TextEncoder().encode(name === "cloud-init.yaml" ? fillIn(text, sums) : text),
    );
  }
  await put("sbom.cdx.json", new TextEncoder().encode(sbom));
  const lines = Array.from(sums, ([name, sum]) => `${sum}  ${name}\n`);
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
}

/** The checksums of the spokes, where cloud-init's installer has zeros. */
function fillIn(cloudInit: string, sums: ReadonlyMap<string, string>): string {
  return cloudInit.replaceAll(
    /^( +sha256_(\w+)=)0{64}$/gm,
    (_, begin: string, architecture: string) => `${begin}${sums.get(`spoke-${architecture}`)!}`,
  );
}

if (import.meta.main) {
  const lock: LockFile = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  const parts = { version: VERSION, deno: Deno.version.deno, lock, graphs: await readGraphs() };
  await assembleRelease({ dist: DIST, folder: `${DIST}/release`, sbom: printSbom(parts) });
}
