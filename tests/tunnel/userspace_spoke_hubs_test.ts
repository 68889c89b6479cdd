import { pinnedHubScenario, spokeHubsScenario } from "./spoke_hubs_scenario.ts";

Deno.test("a spoke's tunnel by wireguard-go loses nothing while hub, API and process change", async (t) => {
  await spokeHubsScenario(t, "userspace", 70);
});

Deno.test("a spoke with wireguard-go and a pinned key takes no other hub", async () => {
  await pinnedHubScenario("userspace", 90);
});
