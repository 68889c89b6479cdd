import { UserError } from "../../lib/user_error.ts";
import { findProgram, progress, run, tryRun } from "./command.ts";

/** A Debian package, how to tell that it is there, and what the lab wants it for. */
export interface PackageNeed {
  readonly name: string;
  /** A program of it, or the absolute path of a file. */
  readonly has: string;
  readonly why: string;
}

/** What every tier with namespaces needs. */
export const HOST_PACKAGES: readonly PackageNeed[] = [
  { name: "util-linux", has: "nsenter", why: "namespaces of the test hosts" },
  { name: "iproute2", has: "ip", why: "links, addresses and routes of the test hosts" },
  { name: "iputils-ping", has: "ping", why: "packets through the tunnels" },
  { name: "wireguard-tools", has: "wg", why: "a second opinion on what the kernel holds" },
  { name: "nftables", has: "nft", why: "a firewall in the way" },
  { name: "busybox", has: "busybox", why: "a DHCP server and its client" },
  { name: "libcap2-bin", has: "capsh", why: "programs with a pod's capabilities only" },
];

/** What tests of the files that set a machine up need. */
export const BOOT_PACKAGES: readonly PackageNeed[] = [
  { name: "systemd", has: "systemd-analyze", why: "a second opinion on the spoke's unit" },
  { name: "python3", has: "python3", why: "cloud-init, which is not installed itself" },
  { name: "curl", has: "curl", why: "fetching a spoke as cloud-init does" },
];

/** What tests of scripts need: those that are shipped, and those that the programs print. */
export const SCRIPT_PACKAGES: readonly PackageNeed[] = [
  { name: "shellcheck", has: "shellcheck", why: "a second opinion on scripts" },
  { name: "zsh", has: "zsh", why: "completing words in it" },
  { name: "fish", has: "fish", why: "completing words in it" },
];

/** What the second run on a kernel without WireGuard needs. */
export const USERSPACE_PACKAGES: readonly PackageNeed[] = [
  { name: "wireguard-go", has: "wireguard-go", why: "WireGuard without the kernel" },
];

/** What building the kernel of user-mode Linux needs. */
export const KERNEL_PACKAGES: readonly PackageNeed[] = [
  { name: "make", has: "make", why: "the kernel's build" },
  { name: "gcc", has: "gcc", why: "the kernel's build" },
  { name: "libc6-dev", has: "/usr/include/stdio.h", why: "the kernel's build" },
  { name: "flex", has: "flex", why: "the kernel's configuration" },
  { name: "bison", has: "bison", why: "the kernel's configuration" },
  { name: "bc", has: "bc", why: "the kernel's build" },
  { name: "patch", has: "patch", why: "what the kernel's source lacks" },
  { name: "xz-utils", has: "xz", why: "unpacking the kernel's source" },
];

/**
 * Installs by apt-get what is missing; does nothing if nothing is.
 *
 * @param say takes a line about each step.
 * @throws {UserError} where apt-get cannot help: no Debian, or not root.
 */
export function ensurePackages(
  needs: readonly PackageNeed[],
  say: (text: string) => void = progress,
): Promise<void> {
  return oneAtATime(() => installMissing(needs, say));
}

async function installMissing(
  needs: readonly PackageNeed[],
  say: (text: string) => void,
): Promise<void> {
  const missing: PackageNeed[] = [];
  for (const need of needs) if (!await isThere(need)) missing.push(need);
  if (missing.length === 0) return;
  const names = missing.map((need) => need.name);
  if (!await findProgram("apt-get") || Deno.uid() !== 0) {
    throw new UserError(
      `the lab needs the programs of these Debian packages, please install them: ${
        names.join(" ")
      }`,
    );
  }
  for (const need of missing) say(`installing ${need.name}: ${need.why}`);
  await refreshPackageLists(say);
  await run([
    "apt-get",
    "install",
    "-o",
    "DPkg::Lock::Timeout=300",
    "-y",
    "-qq",
    "--no-install-recommends",
    ...names,
  ], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}

/**
 * Unpacks Debian packages into a folder without installing them: no service is started, no file
 * of the machine changes.
 *
 * @throws {UserError} where there is no apt-get.
 */
export function unpackPackages(names: readonly string[], folder: string): Promise<void> {
  return oneAtATime(() => downloadAndUnpack(names, folder));
}

async function downloadAndUnpack(names: readonly string[], folder: string): Promise<void> {
  if (!await findProgram("apt-get")) {
    throw new UserError(`the lab takes ${names.join(", ")} from Debian: run it on Debian 12`);
  }
  const downloads = await Deno.makeTempDir({ prefix: "wg-kube-packages-" });
  try {
    const download = ["apt-get", "download", "-qq", ...names];
    if ((await tryRun(download, { cwd: downloads })).code !== 0) {
      await refreshPackageLists(progress);
      const { code, stderr } = await tryRun(download, { cwd: downloads });
      if (code !== 0) {
        throw new UserError(`the lab takes ${names.join(", ")} from Debian 12: ${stderr.trim()}`);
      }
    }
    for await (const entry of Deno.readDir(downloads)) {
      await run(["dpkg-deb", "--extract", `${downloads}/${entry.name}`, folder]);
    }
  } finally {
    await Deno.remove(downloads, { recursive: true });
  }
}

let queue: Promise<unknown> = Promise.resolve();

/** apt-get refuses to run beside itself, and the lab builds several things at once. */
function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  const result = queue.then(work);
  queue = result.catch(() => {});
  return result;
}

let refreshed: Promise<void> | undefined;

/** `apt-get update`, once a process. */
function refreshPackageLists(say: (text: string) => void): Promise<void> {
  if (!refreshed) say("reading the package lists");
  return refreshed ??= run(["apt-get", "update", "-qq"]).then(() => undefined);
}

async function isThere(need: PackageNeed): Promise<boolean> {
  if (!need.has.startsWith("/")) return await findProgram(need.has) !== undefined;
  return await Deno.stat(need.has).then(() => true, () => false);
}
