import { spokeRoutingScenario, strictPathScenario } from "./spoke_routing_scenario.ts";

Deno.test("a spoke sends everything through its hub, beside Cilium's rules", async (t) => {
  await spokeRoutingScenario(t, "kernel", 10);
});

Deno.test("a spoke sends everything through its hub where rp_filter is strict", async () => {
  await strictPathScenario("kernel", 110);
});
