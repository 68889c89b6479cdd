import { spokeSitesScenario } from "./spoke_sites_scenario.ts";

Deno.test("spokes of one site reach each other directly, and through the hub when they must", async (t) => {
  await spokeSitesScenario(t, "kernel");
});
