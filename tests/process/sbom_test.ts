import { assert, assertEquals, assertThrows } from "@std/assert";
import { type LockFile, printSbom, readGraphs } from "../../tasks/sbom.ts";

const ROOT = new URL("../../", import.meta.url);
const lock: LockFile = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));

interface Sbom {
  readonly components: readonly {
    readonly name: string;
    readonly purl: string;
    readonly hashes?: readonly { readonly content: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

Deno.test("printSbom() names what the programs import, as the lock file pins it, and nothing of the tests", async () => {
  const parts = { version: "1.2.3", deno: "2.9.6", graphs: await readGraphs(), lock };
  const text = printSbom(parts);
  const { components, dependencies }: Sbom = JSON.parse(text);
  const names = components.map(({ name }) => name);
  for (
    const name of ["deno", "@logtape/logtape", "deno-std", "ipaddr.js", "prom-client", "bintrees"]
  ) {
    assert(names.includes(name), `${name} is missing`);
  }
  for (const name of ["fast-check", "parse-prometheus-text-format"]) {
    assert(!names.includes(name), `${name} is of the tests`);
  }
  for (const { purl, hashes } of components.slice(1)) {
    const [, id] = /^pkg:npm\/(.*)$/.exec(purl)!;
    const bytes = Uint8Array.fromBase64(
      lock.npm[id!.replace("%40", "@")]!.integrity.slice("sha512-".length),
    );
    assertEquals(hashes![0]!.content, bytes.toHex());
  }
  const known = new Set([
    "pkg:github/wg-kube/wg-kube@v1.2.3",
    ...components.map(({ purl }) => purl),
  ]);
  for (const { ref, dependsOn } of dependencies) {
    assertEquals([ref, ...dependsOn].filter((one) => !known.has(one)), []);
  }
  assertEquals(printSbom(parts), text);
  assertThrows(() => printSbom({ ...parts, lock: { npm: {} } }), Error, "deno.lock has no ");
});
