import { keyRotationScenario } from "./key_rotation_scenario.ts";

Deno.test("hub and spokes get new keys, by the kernel's WireGuard", async (t) => {
  await keyRotationScenario(t, "kernel");
});
