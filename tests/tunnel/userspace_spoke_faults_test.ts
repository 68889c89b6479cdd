import { spokeFaultsScenario } from "./spoke_faults_scenario.ts";

Deno.test("a spoke's tunnel by wireguard-go outlives what happens around it", async (t) => {
  await spokeFaultsScenario(t, "userspace", 30);
});
