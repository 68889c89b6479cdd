import { spokeDhcpScenario } from "./spoke_dhcp_scenario.ts";
import { spokeRouting6Scenario } from "./spoke_routing6_scenario.ts";
import { spokeRoutingScenario, strictPathScenario } from "./spoke_routing_scenario.ts";

Deno.test("a spoke sends everything through its hub by wireguard-go", async (t) => {
  await spokeRoutingScenario(t, "userspace", 10);
});

Deno.test("a spoke sends everything through its hub by wireguard-go where rp_filter is strict", async () => {
  await strictPathScenario("userspace", 110);
});

Deno.test("a spoke sends all of IPv6 through its hub, beside Cilium's rules by wireguard-go", async (t) => {
  await spokeRouting6Scenario(t, "userspace", 120);
});

Deno.test("a spoke sends everything through its hub while DHCP renews its address by wireguard-go", async (t) => {
  await spokeDhcpScenario(t, "userspace", 130);
});
