import { cached } from "./cache.ts";
import { findProgram, progress } from "./command.ts";
import { buildGo } from "./go_compiler.ts";
import { unpackPackages } from "./packages.ts";

/** The release that `kubernetes/go.mod` names. */
const KUBERNETES_VERSION = "v1.34.4";
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
    progress("building kube-apiserver, kubectl and kubelet (about 10 minutes, once)");
    await buildGo({ modules, packages: BUILT, linkerFlags: versionFlags() }, folder);
  });
  return {
    apiServer: `${built}/kube-apiserver`,
    kubectl: `${built}/kubectl`,
    etcd: await etcd(),
    kubelet: `${built}/kubelet`,
    fakeCri: `${built}/fake_cri`,
  };
}

/** What the programs say of themselves when they are asked for their version. */
function versionFlags(): string[] {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION)!;
  const names = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor };
  return Object.entries(names).map(([name, value]) => `-X ${VERSION_PACKAGE}.${name}=${value}`);
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
