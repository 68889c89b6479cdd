import { hubLifecycleScenario } from "./hub_lifecycle_scenario.ts";

Deno.test("a hub survives what is done to it and its node, by the kernel's WireGuard", async (t) => {
  await hubLifecycleScenario(t, "kernel");
});
