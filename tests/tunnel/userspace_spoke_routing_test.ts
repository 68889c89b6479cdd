import { spokeRoutingScenario, strictPathScenario } from "./spoke_routing_scenario.ts";

Deno.test("a spoke sends everything through its hub by wireguard-go", async (t) => {
  await spokeRoutingScenario(t, "userspace", 10);
});

Deno.test("a spoke sends everything through its hub by wireguard-go where rp_filter is strict", async () => {
  await strictPathScenario("userspace", 110);
});
