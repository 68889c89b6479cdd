import { joinScenario } from "./join_scenario.ts";

Deno.test("a hub and two spokes join by wireguard-go, and reach each other", async (t) => {
  await joinScenario(t, "tun");
});
