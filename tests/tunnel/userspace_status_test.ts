import { statusScenario } from "./status_scenario.ts";

Deno.test("status and metrics tell of hub, spoke and Nodes, by wireguard-go", async (t) => {
  await statusScenario(t, "userspace");
});
