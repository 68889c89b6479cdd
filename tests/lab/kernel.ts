import { cached } from "./cache.ts";
import { progress, run, tryRun } from "./command.ts";
import { ensurePackages, KERNEL_PACKAGES, unpackPackages } from "./packages.ts";

const SOURCE_PACKAGE = "linux-source-6.1";

/** Whether we may have namespaces of our own: root may, but not in every container. */
export async function canMakeNamespaces(): Promise<boolean> {
  const attempt = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"];
  return Deno.uid() === 0 && (await tryRun(attempt)).code === 0;
}

/** Whether we can have WireGuard interfaces here: made for a try in a namespace that ends with it. */
export async function kernelHasWireGuard(): Promise<boolean> {
  if (!await canMakeNamespaces()) return false;
  const attempt = ["unshare", "--net", "ip", "link", "add", "wg0", "type", "wireguard"];
  return (await tryRun(attempt)).code === 0;
}

/**
 * A Linux kernel with WireGuard that runs as a plain process (user-mode Linux), built from
 * Debian's kernel source and our patch. The first time takes some 7 minutes on two cores.
 *
 * @returns the path of the program.
 */
export async function userModeLinux(): Promise<string> {
  const [fragment, patch] = await Promise.all(
    ["linux_uml.fragment", "linux_uml.patch"].map((name) =>
      Deno.readTextFile(new URL(name, import.meta.url))
    ),
  );
  const entry = await cached("linux-uml", [SOURCE_PACKAGE, fragment!, patch!], async (folder) => {
    await ensurePackages(KERNEL_PACKAGES);
    progress("building user-mode Linux with WireGuard (about 7 minutes, once)");
    const scratch = await Deno.makeTempDir({ prefix: "wg-kube-kernel-" });
    try {
      await buildKernel(scratch, { fragment: fragment!, patch: patch! }, `${folder}/linux`);
    } finally {
      await Deno.remove(scratch, { recursive: true });
    }
  });
  return `${entry}/linux`;
}

async function buildKernel(
  scratch: string,
  { fragment, patch }: { readonly fragment: string; readonly patch: string },
  target: string,
): Promise<void> {
  await unpackPackages([SOURCE_PACKAGE], scratch);
  await run(["tar", "-xf", `${scratch}/usr/src/${SOURCE_PACKAGE}.tar.xz`, "-C", scratch]);
  const source = `${scratch}/${SOURCE_PACKAGE}`;
  await run(["patch", "-p1", "--silent"], { cwd: source, stdin: patch });
  const make = (...args: string[]) => run(["make", "-s", "ARCH=um", ...args], { cwd: source });
  await make("defconfig");
  await Deno.writeTextFile(`${source}/.config`, fragment, { append: true });
  await make("olddefconfig");
  const unmet = unmetOptions(fragment, await Deno.readTextFile(`${source}/.config`));
  if (unmet.length > 0) {
    throw new Error(`this kernel source does not give: ${unmet.join(", ")}`);
  }
  await make(`-j${navigator.hardwareConcurrency}`, "linux");
  await run(["strip", "-o", target, `${source}/linux`]);
}

/**
 * The lines of a configuration fragment that a whole configuration does not fulfil. An option that
 * is asked to be unset may also be absent, as one whose menu is off is.
 */
export function unmetOptions(fragment: string, config: string): string[] {
  const lines = new Set(config.split("\n"));
  const set = new Set(config.match(/^CONFIG_\w+(?==)/gm));
  return fragment.split("\n").filter((line) => {
    const unset = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1];
    if (unset !== undefined) return set.has(unset);
    return line.startsWith("CONFIG_") && !lines.has(line);
  });
}
