import { cached } from "../tests/lab/cache.ts";
import { progress } from "../tests/lab/command.ts";
import { buildGo } from "../tests/lab/go_compiler.ts";

/** Paths of the rivals' programs. */
export interface RivalPrograms {
  /** Replaces all peers at any change. */
  readonly fullReplace: string;
  /** `increment known` writes what it is told; `increment diff` reads and compares first. */
  readonly increment: string;
  /** Watches the metadata of Nodes with client-go. */
  readonly informer: string;
}

const FILES = ["go.mod", "go.sum", "session/session.go"];
const PROGRAMS = ["full_replace", "increment", "informer"];

/** The Go programs of `rivals/`, built once (less than a minute on two cores). */
export async function rivalPrograms(): Promise<RivalPrograms> {
  const modules = new URL("rivals/", import.meta.url).pathname;
  const sources = [...FILES, ...PROGRAMS.map((name) => `${name}/main.go`)];
  const ingredients = await Promise.all(
    sources.map((file) => Deno.readTextFile(`${modules}${file}`)),
  );
  const built = await cached("rivals", [...ingredients, Deno.build.arch], async (folder) => {
    progress("building the Go programs to compare with (about a minute, once)");
    await buildGo({ modules, packages: PROGRAMS.map((name) => `./${name}`) }, folder);
  });
  return {
    fullReplace: `${built}/full_replace`,
    increment: `${built}/increment`,
    informer: `${built}/informer`,
  };
}
