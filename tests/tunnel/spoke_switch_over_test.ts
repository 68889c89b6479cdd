import { spokeSwitchOverScenario } from "./spoke_switch_over_scenario.ts";

Deno.test("a machine that ran the original script is taken over as it is", async (t) => {
  await spokeSwitchOverScenario(t, "kernel", 140);
});
