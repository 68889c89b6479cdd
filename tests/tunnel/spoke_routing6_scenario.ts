import { assert, assertEquals } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";

/** As Cilium leaves a node with IPv6: its own marks first, `local` after them. */
const CILIUM6 = [
  "-6 rule add pref 9 fwmark 0x200/0xf00 lookup 2004",
  "-6 rule add pref 10 fwmark 0xa00/0xf00 lookup 2005",
  "-6 route add local default dev lo table 2004",
  "-6 rule add pref 100 lookup local",
  "-6 rule del pref 0",
];

/** What is behind the hub, and what is behind the machine's gateway. */
const BEHIND_HUB = "2001:db8:1::1";
const BEHIND_GATEWAY = "2001:db8:2::1";

/**
 * All of IPv6 through the tunnel, whose hub is reached by IPv6, too, and has the API server on its
 * own address; beside Cilium's rules.
 */
export async function spokeRouting6Scenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number, family: 6 });
  const { spoke } = bench;
  for (const line of CILIUM6) await spoke.run(["ip", ...line.split(" ")]);
  const rules = () => spoke.run(["ip", "-6", "rule", "show"]);
  const routes = () => spoke.run(["ip", "-6", "route", "show", "table", "main"]);
  const before = { rules: await rules(), routes: await routes() };
  await using monitor = spoke.spawn("ip", ["-6", "-o", "monitor", "route"]);
  const process = bench.startSpoke({
    WG_ADDRESS: "100.96.0.2/32,fd00:96::2/128",
    HUB_ALLOWED_IPS: "::/0,100.96.0.1/32",
  });
  await bench.join();

  await t.step("::/0 goes through the tunnel, but for the machine's own networks", async () => {
    await bench.reaches(BEHIND_HUB);
    await bench.reaches("fd00:96::1");
    assert(!await bench.answers(BEHIND_GATEWAY), "the default route leads into the tunnel");
    assert(await bench.answers(`2001:db8::${number + 2}`), "the gateway");
    assert(await bench.answers("169.254.169.254"), "the cloud's metadata server");
    assert(await bench.answers("192.0.2.1"), "IPv4 goes as it did");
  });

  await t.step("Cilium's rules and the machine's routes are as they were", async () => {
    const now = (await rules()).split("\n");
    const isOurs = (line: string) => line.includes("proto 87");
    assertEquals(now.filter((line) => !isOurs(line)).join("\n"), before.rules);
    assertEquals(now.filter(isOurs).map((line) => line.slice(0, 5)), ["32763", "32764", "32765"]);
    for (const line of before.routes.trim().split("\n")) assert((await routes()).includes(line));
  });

  await t.step("hub's key changes, the API server on its own address: spokes follow", async () => {
    await bench.changeHubKey();
    const begin = Date.now();
    await bench.reaches(BEHIND_HUB);
    const took = Date.now() - begin;
    assert(took < 15_000, `${took} ms`);
  });

  await t.step("a restart without that wish takes rules and table away, nothing else", async () => {
    await process.stop();
    bench.startSpoke({
      WG_ADDRESS: "100.96.0.2/32,fd00:96::2/128",
      HUB_ALLOWED_IPS: `${BEHIND_HUB}/128`,
    });
    await eventually("the rules go", async () => (await rules()) === before.rules || undefined);
    await bench.reaches(BEHIND_HUB);
    assert(await bench.answers(BEHIND_GATEWAY), "by the machine's own default route again");
    const deleted = monitor.output.split("\n").filter((line) => line.includes("Deleted"));
    assertEquals(deleted.filter((line) => !line.includes(" dev wg0 ")), []);
  });
}
