import { registerConformance } from "./register_conformance.ts";

registerConformance("kube-apiserver", () => {
  const kubeconfig = Deno.env.get("WG_KUBE_TEST_KUBECONFIG");
  if (!kubeconfig) {
    throw new Error(
      "WG_KUBE_TEST_KUBECONFIG names no kubeconfig: `deno task test:api` starts a kube-apiserver and sets it",
    );
  }
  return Promise.resolve({ kubeconfig, [Symbol.asyncDispose]: () => Promise.resolve() });
});
