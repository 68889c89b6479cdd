import { spokeBootScenario } from "./spoke_boot_scenario.ts";

Deno.test("a machine boots: a spoke in the background, under systemd, once, and taken away", async (t) => {
  await spokeBootScenario(t, "kernel", 50);
});
