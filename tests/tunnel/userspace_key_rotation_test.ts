import { keyRotationScenario } from "./key_rotation_scenario.ts";

Deno.test("hub and spokes get new keys, by wireguard-go", async (t) => {
  await keyRotationScenario(t, "userspace");
});
