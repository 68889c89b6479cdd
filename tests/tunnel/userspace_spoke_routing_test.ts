import { spokeRoutingScenario } from "./spoke_routing_scenario.ts";

Deno.test("a spoke sends everything through its hub by wireguard-go", async (t) => {
  await spokeRoutingScenario(t, "userspace", 10);
});
