/** The kubeconfig of the kube-apiserver that this tier runs against; its user may do everything. */
export function realKubeconfig(): string {
  const path = Deno.env.get("WG_KUBE_TEST_KUBECONFIG");
  if (path) return path;
  throw new Error(
    "WG_KUBE_TEST_KUBECONFIG names no kubeconfig: `deno task test:api` starts a kube-apiserver and sets it",
  );
}
