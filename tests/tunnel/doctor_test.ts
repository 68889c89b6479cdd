import { doctorScenario } from "./doctor_scenario.ts";

Deno.test("hub doctor and spoke doctor name what was broken, with the kernel's WireGuard", async (t) => {
  await doctorScenario(t, "kernel");
});
