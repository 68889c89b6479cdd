import { spokeBootScenario } from "./spoke_boot_scenario.ts";

Deno.test("a machine boots: a spoke with wireguard-go in the background, once, taken away", async (t) => {
  await spokeBootScenario(t, "userspace", 50);
});
