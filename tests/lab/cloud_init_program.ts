import { cached } from "./cache.ts";
import { type CommandResult, tryRun } from "./command.ts";
import { unpackPackages } from "./packages.ts";

/**
 * cloud-init and what it imports. Unpacked, never installed: an installed one would set the machine
 * up anew at its next boot.
 */
const CLOUD_INIT_PACKAGES = [
  ...["cloud-init", "python3-configobj", "python3-jinja2", "python3-jsonpatch"],
  ...["python3-jsonschema", "python3-netifaces", "python3-oauthlib", "python3-requests"],
  ...["python3-yaml", "python3-attr", "python3-certifi", "python3-chardet"],
  ...["python3-charset-normalizer", "python3-idna", "python3-json-pointer"],
  ...["python3-markupsafe", "python3-pyrsistent", "python3-six", "python3-urllib3"],
];

/** The folder with the program, fetched once. */
export async function cloudInitFolder(): Promise<string> {
  const ingredients = [...CLOUD_INIT_PACKAGES, Deno.build.arch];
  return await cached("cloud-init", ingredients, async (folder) => {
    await unpackPackages(CLOUD_INIT_PACKAGES, folder);
  });
}

/** Runs cloud-init with these arguments. */
export async function runCloudInit(args: readonly string[]): Promise<CommandResult> {
  const modules = `${await cloudInitFolder()}/usr/lib/python3/dist-packages`;
  // Without the machine's own packages (-S), so that it is the same everywhere.
  return await tryRun(["python3", "-S", "-B", "-m", "cloudinit.cmd.main", ...args], {
    env: { PYTHONPATH: modules, PYTHONNOUSERSITE: "1" },
  });
}
