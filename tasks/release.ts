import { DIST } from "./bundle.ts";
import { ARCHITECTURES } from "./compile.ts";
import { PROGRAMS } from "./permissions.ts";

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
 * besides, and SHA256SUMS, which has a line for each of them.
 *
 * @param dist the folder of the executables.
 * @throws {Deno.errors.NotFound} if one of them is not there.
 */
export async function assembleRelease(dist: string, folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(folder, { recursive: true });
  const sources = [
    ...EXECUTABLES.map((name) => `${dist}/${name}`),
    ...SHIPPED.map((path) => new URL(path, ROOT).pathname),
  ];
  const lines: string[] = [];
  for (const source of sources) {
    const name = source.slice(source.lastIndexOf("/") + 1);
    await Deno.copyFile(source, `${folder}/${name}`);
    lines.push(`${await sha256Of(await Deno.readFile(source))}  ${name}\n`);
  }
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

if (import.meta.main) await assembleRelease(DIST, `${DIST}/release`);
