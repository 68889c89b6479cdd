import { statusScenario } from "./status_scenario.ts";

Deno.test("status and metrics tell of hub, spoke and Nodes, by the kernel's WireGuard", async (t) => {
  await statusScenario(t, "kernel");
});
