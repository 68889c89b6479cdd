import { joinScenario } from "./join_scenario.ts";

Deno.test("a hub and two spokes join by the kernel's WireGuard, and reach each other", async (t) => {
  await joinScenario(t, "wireguard");
});
