import { VERSION } from "../lib/version.ts";
import { bundle, DIST } from "./bundle.ts";
import { type ProgramName, PROGRAMS, runArguments, runtimeFlags } from "./permissions.ts";
import { CommandFailed, run } from "./run.ts";

/** The machines that executables are made for; all with glibc. */
export const ARCHITECTURES = ["x86_64", "aarch64"] as const;
type Architecture = typeof ARCHITECTURES[number];

/** Compiles a bundle into an executable with the program's permissions baked in. */
async function compile(
  program: ProgramName,
  bundled: string,
  architecture: Architecture,
  output: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await run(Deno.execPath(), [
    "compile",
    "--quiet",
    // The bundle is all that is wanted: with the configuration, npm packages would be embedded, too.
    "--no-config",
    "--no-remote",
    "--no-npm",
    "--no-check", // `deno bundle` has done it, on the sources
    "--no-code-cache", // it would be written to a folder that others can write to
    `--target=${architecture}-unknown-linux-gnu`,
    ...runtimeFlags(program),
    `--output=${output}`,
    bundled,
  ], env);
}

/** Runs the bundle under the very permissions of its executable: it must know its version. */
async function checkBundle(program: ProgramName, bundled: string): Promise<void> {
  const printed = await run(Deno.execPath(), [...runArguments(program, bundled), "--version"]);
  if (printed !== `${program} ${VERSION}\n`) {
    throw new Error(`${bundled} --version printed ${JSON.stringify(printed)}`);
  }
}

/**
 * Everything but the runtime: compiles with this Deno in the runtime's place, into a scratch folder,
 * since what comes out is no executable of ours.
 */
async function proveCompile(
  program: ProgramName,
  bundled: string,
  architecture: Architecture,
): Promise<void> {
  const scratch = await Deno.makeTempDir();
  try {
    await compile(program, bundled, architecture, `${scratch}/${program}`, {
      DENORT_BIN: Deno.execPath(),
    });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function removeIfThere(file: string): Promise<void> {
  try {
    await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether compiling failed because Deno's runtime for executables could not be downloaded. */
function lacksRuntime(error: unknown): error is CommandFailed {
  return error instanceof CommandFailed && /error sending request .*\/denort-/.test(error.stderr);
}

function architecturesOf(args: readonly string[]): readonly Architecture[] {
  const chosen = ARCHITECTURES.filter((architecture) => args.includes(architecture));
  if (chosen.length !== args.length) {
    throw new Error(`usage: deno task compile [${ARCHITECTURES.join("] [")}]`);
  }
  return chosen.length > 0 ? chosen : ARCHITECTURES;
}

async function compileAll(architectures: readonly Architecture[]): Promise<void> {
  const say = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
  let skipped = false;
  for (const program of PROGRAMS) {
    const bundled = await bundle(program, DIST);
    await checkBundle(program, bundled);
    await say(`${bundled} runs under the permissions of its executable`);
    for (const architecture of architectures) {
      const output = `${DIST}/${program}-${architecture}`;
      await removeIfThere(output); // what lies there afterwards is of now
      try {
        await compile(program, bundled, architecture, output);
        await say(output);
      } catch (error) {
        if (!lacksRuntime(error)) throw error;
        skipped = true;
        await proveCompile(program, bundled, architecture);
      }
    }
  }
  if (skipped) {
    await say(
      "SKIPPED: no executables, for Deno's runtime (denort) cannot be downloaded from here; all " +
        "steps but that one were run. Where it can be, or with DENORT_BIN=FILE, they are made.",
    );
  }
}

if (import.meta.main) await compileAll(architecturesOf(Deno.args));
