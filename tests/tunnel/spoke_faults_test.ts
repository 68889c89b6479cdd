import { spokeFaultsScenario } from "./spoke_faults_scenario.ts";

Deno.test("a spoke's tunnel outlives what happens to its machine, its hub and its API server", async (t) => {
  await spokeFaultsScenario(t, "kernel", 30);
});
