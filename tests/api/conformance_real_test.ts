import { realKubeconfig } from "./real_kubeconfig.ts";
import { registerConformance } from "./register_conformance.ts";

registerConformance("kube-apiserver", () => {
  const kubeconfig = realKubeconfig();
  return Promise.resolve({ kubeconfig, [Symbol.asyncDispose]: () => Promise.resolve() });
});
