import { PROGRAMS } from "./permissions.ts";
import { run } from "./run.ts";

/** What of `deno info --json` is read: the modules of a program, and all packages that are known. */
export interface ModuleGraph {
  readonly modules: readonly { readonly kind?: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, { name: string; version: string; dependencies: readonly string[] }>
  >;
}

/** What of deno.lock is read: `sha512-` and base64, by package. */
export interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** A component as CycloneDX 1.6 has it. */
interface Component {
  readonly type: "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/**
 * What a release is made of, as CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/): every
 * package that a program imports, however far down, as deno.lock pins it, and Deno itself. What tests
 * import alone is not in it. The same for the same sources: it has no time and no serial number.
 *
 * @throws {Error} if deno.lock lacks one of the packages.
 */
export function printSbom(
  { version, deno, graphs, lock }: {
    version: string;
    deno: string;
    graphs: readonly ModuleGraph[];
    lock: LockFile;
  },
): string {
  const packages = new Map<string, Component>();
  const edges = new Map<string, readonly string[]>();
  for (const { modules, npmPackages } of graphs) {
    const waiting = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (packages.has(id)) continue;
      const { name, version, dependencies } = npmPackages[id]!;
      const integrity = lock.npm[id]?.integrity;
      if (integrity === undefined) throw new Error(`deno.lock has no ${id}`);
      packages.set(id, libraryOf(name, version, integrity));
      edges.set(id, dependencies);
      waiting.push(...dependencies);
    }
  }
  const ids = [...packages.keys()].sort();
  const refOf = (id: string) => packages.get(id)!["bom-ref"];
  const runtime: Component = {
    type: "platform",
    "bom-ref": `pkg:github/denoland/deno@v${deno}`,
    name: "deno",
    version: deno,
    purl: `pkg:github/denoland/deno@v${deno}`,
  };
  const root = `pkg:github/wg-kube/wg-kube@v${version}`;
  return JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      version: 1,
      metadata: {
        component: { type: "application", "bom-ref": root, name: "wg-kube", version, purl: root },
      },
      components: [runtime, ...ids.map((id) => packages.get(id)!)],
      dependencies: [
        { ref: root, dependsOn: [runtime["bom-ref"], ...ids.map(refOf)] },
        ...ids.map((id) => ({ ref: refOf(id), dependsOn: edges.get(id)!.map(refOf).sort() })),
      ],
    },
    null,
    2,
  ) + "\n";
}

/** The programs' own, from this folder's sources. */
export async function readGraphs(): Promise<ModuleGraph[]> {
  return await Promise.all(PROGRAMS.map(async (program): Promise<ModuleGraph> => {
    return JSON.parse(await run(Deno.execPath(), ["info", "--json", `${program}.ts`]));
  }));
}

function libraryOf(name: string, version: string, integrity: string): Component {
  const [, base64] = /^sha512-(.*)$/.exec(integrity)!;
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    purl,
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(base64!).toHex() }],
  };
}
