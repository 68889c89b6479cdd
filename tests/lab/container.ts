import { cached } from "./cache.ts";
import type { LabHost } from "./lab_host.ts";
import type { LabProcess } from "./lab_process.ts";
import { unpackPackages } from "./packages.ts";

/**
 * What gcr.io/distroless/cc-debian12 is made of, according to its build files: the packages of its
 * layers static, base and cc. Packages are unpacked, not installed, as they are there.
 */
const DISTROLESS_PACKAGES = [
  ...["base-files", "ca-certificates", "media-types", "netbase", "tzdata"],
  ...["libc6", "libssl3"],
  ...["libgcc-s1", "libgomp1", "libstdc++6"],
];
const DISTROLESS_ENV = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt",
};
const FILES: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n" +
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
    "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  "etc/group": "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n",
  "etc/nsswitch.conf": "hosts: files dns\n",
};

/** The root of a distroless container, without any program in it. */
export async function distrolessRoot(): Promise<string> {
  const ingredients = [...DISTROLESS_PACKAGES, JSON.stringify(FILES), Deno.build.arch];
  return await cached("distroless", ingredients, async (folder) => {
    await unpackPackages(DISTROLESS_PACKAGES, folder);
    for (const path of ["tmp", "root", "home/nonroot", "etc/ssl/certs"]) {
      await Deno.mkdir(`${folder}/${path}`, { recursive: true });
    }
    for (const [path, text] of Object.entries(FILES)) {
      await Deno.writeTextFile(`${folder}/${path}`, text);
    }
    const bundle = `${folder}/etc/ssl/certs/ca-certificates.crt`;
    const mozilla = `${folder}/usr/share/ca-certificates/mozilla`;
    for await (const { name } of Deno.readDir(mozilla)) {
      const certificate = await Deno.readTextFile(`${mozilla}/${name}`);
      await Deno.writeTextFile(bundle, certificate, { append: true });
    }
  });
}

/** A file or folder of the machine or of the host that a container sees. */
export interface ContainerMount {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
}

export interface ContainerOptions {
  /** Program and arguments, as paths in the container. */
  readonly command: readonly string[];
  /** The program itself is among them: the image holds none. */
  readonly mounts: readonly ContainerMount[];
  /** Its whole environment, besides what the image sets. */
  readonly env?: Record<string, string>;
}

/**
 * Starts a program as the cluster would: process 1 of a container on the host's network, its root
 * the read-only distroless one, all capabilities dropped but NET_ADMIN, no new privileges.
 */
export async function startContainer(
  host: LabHost,
  { command, mounts, env = {} }: ContainerOptions,
): Promise<LabProcess> {
  const script = new URL("container_root.sh", import.meta.url).pathname;
  return host.spawn("unshare", [
    ...["--mount", "--pid", "--fork", "--kill-child", "bash", script],
    ...[await distrolessRoot(), "cap_net_admin"],
    ...mounts.flatMap(({ source, target, writable }) => [source, target, writable ? "rw" : "ro"]),
    "--",
    ...Object.entries({ ...DISTROLESS_ENV, ...env }).map(([name, value]) => `${name}=${value}`),
    "--",
    ...command,
  ], { wrappers: 1 });
}
