import { type ProgramName, PROGRAMS } from "./permissions.ts";
import { run } from "./run.ts";

/** The folder of what is built. */
export const DIST = "dist";

/** Where a program's bundle begins. What it imports late lies beside it. */
export function bundlePath(program: ProgramName, folder = DIST): string {
  return `${folder}/${program}/${program}.js`;
}

/**
 * Modules of Node that the bundler or a package imports at once and that are needed late, or never: by
 * what the bundler does for CommonJS packages (the metrics' call it), and by LogTape's own formatters.
 * In the lab's user-mode Linux loading them took a tenth of the time until the interface was up.
 */
const LATER: readonly { readonly early: RegExp; readonly late: string }[] = [
  {
    early:
      /import\{createRequire as __deno_internal_createRequire\} from "node:module";var (\w+)=__deno_internal_createRequire\(import\.meta\.url\);/,
    late: "var $1=(name)=>process.getBuiltinModule(name);",
  },
  {
    early: /import (\w+) from"node:util";/,
    late: 'var $1={inspect:(...all)=>process.getBuiltinModule("node:util").inspect(...all)};',
  },
];

/**
 * Makes the bundled files import nothing of Node's before it is needed.
 *
 * @throws {Error} if a file that is read at every start still does.
 */
async function importLate(file: string): Promise<void> {
  const folder = file.slice(0, file.lastIndexOf("/"));
  const waiting = [file];
  for (const path of waiting) {
    let code = await Deno.readTextFile(path);
    for (const { early, late } of LATER) code = code.replace(early, late);
    const [node] = /(?<=(?:from|import) ?")node:[^"]*/.exec(code) ?? [];
    if (node !== undefined) throw new Error(`${path} imports ${node} at every start`);
    await Deno.writeTextFile(path, code);
    for (const [name] of code.matchAll(/(?<=(?:from|import)"\.\/)[^"]+/g)) {
      if (!waiting.includes(`${folder}/${name}`)) waiting.push(`${folder}/${name}`);
    }
  }
}

/**
 * Bundles a program with everything that it imports into a folder of JavaScript files, type-checked
 * and from the versions of the lock file. What is imported late (the metrics) stays apart: a spoke without
 * them does not read it.
 *
 * Minified: it halves the size and saves memory. Not with `--keep-names`: Deno 2.9.6 then leaves
 * CommonJS packages without their `require`.
 *
 * @returns the path of the file to run.
 * @throws {Error} if it does not bundle.
 */
export async function bundle(program: ProgramName, folder: string): Promise<string> {
  const file = bundlePath(program, folder);
  const outdir = file.slice(0, file.lastIndexOf("/"));
  await Deno.remove(outdir, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--check",
    "--frozen",
    "--minify",
    "--code-splitting",
    `--outdir=${outdir}`,
    `${program}.ts`,
  ]);
  await importLate(file);
  return file;
}

if (import.meta.main) {
  for (const program of PROGRAMS) await bundle(program, DIST);
}
