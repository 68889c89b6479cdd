import { assertEquals, assertRejects } from "@std/assert";
import { AccessReader, CredentialsNotReady } from "../../lib/kubernetes/cluster_access.ts";
import { UserError } from "../../lib/user_error.ts";

Deno.test("a list of kubeconfigs is refused at once, with the remedy: one missing is waited for", async () => {
  for (const [kubeconfig, isWaitedFor] of [["/no/a:/no/b", false], ["/no/a", true]] as const) {
    const error = await assertRejects(() => new AccessReader({ kubeconfig }).read(), UserError);
    assertEquals(error instanceof CredentialsNotReady, isWaitedFor, error.message);
    assertEquals(error.message.includes("--flatten"), !isWaitedFor, error.message);
  }
});
