import { type ProgramName, PROGRAMS } from "./permissions.ts";
import { run } from "./run.ts";

/** The folder of what is built. */
export const DIST = "dist";

/**
 * Bundles a program with everything that it imports into one JavaScript file, type-checked and from
 * the versions of the lock file.
 *
 * Minified: it halves the size and saves memory. Not with `--keep-names`: Deno 2.9.6 then leaves
 * CommonJS packages without their `require`.
 *
 * @returns the file's path.
 * @throws {Error} if it does not bundle.
 */
export async function bundle(program: ProgramName, folder: string): Promise<string> {
  const file = `${folder}/${program}.js`;
  await Deno.mkdir(folder, { recursive: true });
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--check",
    "--frozen",
    "--minify",
    `--output=${file}`,
    `${program}.ts`,
  ]);
  return file;
}

if (import.meta.main) {
  for (const program of PROGRAMS) await bundle(program, DIST);
}
