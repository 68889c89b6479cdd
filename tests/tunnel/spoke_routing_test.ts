import { spokeDhcpScenario } from "./spoke_dhcp_scenario.ts";
import { spokeNatScenario } from "./spoke_nat_scenario.ts";
import { spokeRouting6Scenario } from "./spoke_routing6_scenario.ts";
import { spokeRoutingScenario, strictPathScenario } from "./spoke_routing_scenario.ts";

Deno.test("a spoke sends everything through its hub, beside Cilium's rules", async (t) => {
  await spokeRoutingScenario(t, "kernel", 10);
});

Deno.test("a spoke sends everything through its hub where rp_filter is strict", async () => {
  await strictPathScenario("kernel", 110);
});

Deno.test("a spoke sends all of IPv6 through its hub, beside Cilium's rules", async (t) => {
  await spokeRouting6Scenario(t, "kernel", 120);
});

Deno.test("a spoke sends everything through its hub while DHCP renews its address", async (t) => {
  await spokeDhcpScenario(t, "kernel", 130);
});

Deno.test("a spoke is behind a router that masquerades", async (t) => {
  await spokeNatScenario(t, "kernel", 160);
});
