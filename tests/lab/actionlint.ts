import { cached } from "./cache.ts";
import { type CommandResult, progress, tryRun } from "./command.ts";
import { buildGo } from "./go_compiler.ts";

/** The path of actionlint, built once from the Go modules that `actionlint/go.mod` pins. */
export async function actionlintProgram(): Promise<string> {
  const modules = new URL("actionlint/", import.meta.url).pathname;
  const ingredients = await Promise.all(
    ["go.mod", "go.sum"].map((file) => Deno.readTextFile(`${modules}${file}`)),
  );
  const built = await cached("actionlint", [...ingredients, Deno.build.arch], async (folder) => {
    progress("building actionlint (less than a minute, once)");
    await buildGo({ modules, packages: ["github.com/rhysd/actionlint/cmd/actionlint"] }, folder);
  });
  return `${built}/actionlint`;
}

/** Judges workflows, and by shellcheck the scripts in them. */
export async function actionlint(files: readonly string[]): Promise<CommandResult> {
  return await tryRun([await actionlintProgram(), "-no-color", ...files]);
}
