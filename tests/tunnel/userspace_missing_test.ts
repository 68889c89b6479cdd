/** A machine that has no WireGuard at all. Runs where the kernel has none. */
import { assertEquals, assertMatch } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { LabHost } from "../lab/lab_host.ts";
import { bundleOf } from "../lab/stretched_cluster.ts";

Deno.test("without WireGuard in the kernel and without wireguard-go one line says what to install", async () => {
  await using host = await LabHost.create("bare");
  if ((await host.exec("ip", ["link", "add", "probe0", "type", "wireguard"])).code === 0) {
    return; // this kernel has it, so the sentence can never be said here
  }
  for (const folder of ["/usr/bin", "/usr/local/bin"]) {
    await host.exec("sh", [
      "-c",
      `! [ -e ${folder}/wireguard-go ] || mount --bind /dev/null ${folder}/wireguard-go`,
    ]);
  }
  const { code, stderr } = await host.exec(
    Deno.execPath(),
    runArguments("spoke", bundleOf("spoke")),
  );
  assertEquals(code, 2, stderr);
  assertMatch(
    stderr,
    /^spoke: this kernel has no WireGuard and wireguard-go is not installed: .*install.*\n$/,
  );
});
