import { doctorScenario } from "./doctor_scenario.ts";

Deno.test("hub doctor and spoke doctor name what was broken, with wireguard-go", async (t) => {
  await doctorScenario(t, "userspace");
});
