import { hubLifecycleScenario } from "./hub_lifecycle_scenario.ts";

Deno.test("a hub survives what is done to it and its node, by wireguard-go", async (t) => {
  await hubLifecycleScenario(t, "userspace");
});
