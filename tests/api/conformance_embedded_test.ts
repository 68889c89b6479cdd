import { startEmbeddedApi } from "../lab/embedded_api.ts";
import { registerConformance } from "./register_conformance.ts";

registerConformance("the embedded API", async () => {
  const stack = new AsyncDisposableStack();
  const api = stack.use(startEmbeddedApi());
  const kubeconfig = await Deno.makeTempFile({ suffix: ".kubeconfig" });
  stack.defer(() => Deno.remove(kubeconfig));
  await Deno.writeTextFile(kubeconfig, api.kubeconfig());
  return { kubeconfig, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
