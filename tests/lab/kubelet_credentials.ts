import type { Cluster } from "./cluster.ts";
import type { Certificate } from "./x509.ts";

/** A kubelet's credential as it lies on a node: certificate and key in one file behind a symbolic link. */
export interface KubeletCredentials extends Certificate {
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  /** Path that the kubeconfig names for certificate and key: an absolute link to a dated file. */
  readonly pem: string;
  readonly folder: string;
}

/**
 * Issues the client certificate of a Node's kubelet and lays it out as a kubelet does, in a folder
 * that every test host sees. Called again, it rotates: a new dated file, the link swapped, the
 * kubeconfig as it was.
 */
export async function kubeletCredentials(
  cluster: Cluster,
  nodeName: string,
  { notAfter }: { readonly notAfter?: Date } = {},
): Promise<KubeletCredentials> {
  const folder = `${cluster.folder}/kubelets/${nodeName}`;
  await Deno.mkdir(folder, { recursive: true });
  const issued = await cluster.issue(`system:node:${nodeName}`, "system:nodes", notAfter);
  const date = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const dated = `${folder}/kubelet-client-${date}.pem`;
  await Deno.writeTextFile(dated, issued.certificate + issued.key, { mode: 0o600 });
  const pem = `${folder}/kubelet-client-current.pem`;
  await Deno.symlink(dated, `${pem}.new`);
  await Deno.rename(`${pem}.new`, pem);
  const kubeconfig = `${folder}/kubelet.conf`;
  const text = cluster.kubeconfigText({ "client-certificate": pem, "client-key": pem });
  await Deno.writeTextFile(kubeconfig, text, { mode: 0o600 });
  return { ...issued, kubeconfig, pem, folder };
}
