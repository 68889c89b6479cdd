import { pinnedHubScenario, spokeHubsScenario } from "./spoke_hubs_scenario.ts";
import { secondSpokeScenario } from "./spoke_second_scenario.ts";

Deno.test("a spoke's tunnel loses nothing while its hub, its API and its process change", async (t) => {
  await spokeHubsScenario(t, "kernel", 70);
});

Deno.test("a spoke with a pinned key takes no other hub, not even from its disk", async () => {
  await pinnedHubScenario("kernel", 90);
});

Deno.test("a second spoke of the machine, with an interface and a hub of its own, disturbs the first in nothing", async () => {
  await secondSpokeScenario("kernel", 150);
});
