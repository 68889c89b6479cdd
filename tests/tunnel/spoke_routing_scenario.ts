import { assert, assertEquals } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";

/** As Cilium leaves a node: its own marks first, `local` after them. */
const CILIUM = [
  "rule add pref 9 fwmark 0x200/0xf00 lookup 2004",
  "rule add pref 10 fwmark 0xa00/0xf00 lookup 2005",
  "route add local default dev lo table 2004",
  "rule add pref 100 lookup local",
  "rule del pref 0",
];

/** What is behind the hub, and what is behind the machine's gateway. */
const BEHIND_HUB = "198.51.100.1";
const BEHIND_GATEWAY = "192.0.2.1";
const METADATA = "169.254.169.254";

/** Everything through the tunnel, on a machine with rules of its own, the API on the hub's address. */
export async function spokeRoutingScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke } = bench;
  await spoke.ip(...CILIUM);
  const rules = () => spoke.run(["ip", "rule", "show"]);
  const routes = () => spoke.run(["ip", "route", "show", "table", "main"]);
  const before = { rules: await rules(), routes: await routes() };
  const process = bench.startSpoke({ HUB_ALLOWED_IPS: "0.0.0.0/0,100.96.0.1/32" });
  await bench.join();

  await t.step(
    "everything goes through the tunnel, but for the machine's own networks",
    async () => {
      await bench.reaches(BEHIND_HUB);
      assert(!await bench.answers(BEHIND_GATEWAY), "the default route leads into the tunnel");
      assert(await bench.answers(METADATA), "the cloud's metadata server");
      assert(await bench.answers(`203.0.113.${number + 2}`), "the gateway");
    },
  );

  await t.step(
    "Cilium's rules and the machine's routes are as they were, ours are marked",
    async () => {
      const now = (await rules()).split("\n");
      assertEquals(now.filter((line) => !line.includes("proto 87")).join("\n"), before.rules);
      assertEquals(
        now.filter((line) => line.includes("proto 87")).map((line) => line.slice(0, 5)),
        [
          "32763",
          "32763",
          "32764",
          "32765",
        ],
      );
      for (const line of before.routes.trim().split("\n")) assert((await routes()).includes(line));
    },
  );

  await t.step("a rule and a route of the table that are deleted come back", async () => {
    const whole = await rules();
    await spoke.ip("rule del pref 32765", "rule del pref 32764", "route flush table 87");
    await eventually("the rules are back", async () => (await rules()) === whole || undefined);
    await bench.reaches(BEHIND_HUB);
  });

  await t.step(
    "the hub's key changes, and the spoke, whose API server it is, follows",
    async () => {
      await bench.changeHubKey();
      const begin = Date.now();
      await bench.reaches(BEHIND_HUB);
      const took = Date.now() - begin;
      assert(took < 15_000, `${took} ms`);
    },
  );

  await t.step(
    "another default route of the machine's changes nothing for the tunnel",
    async () => {
      await spoke.ip(
        `route replace default via 203.0.113.${number + 2} metric 100`,
        "route del default metric 0",
      );
      await bench.reaches(BEHIND_HUB);
      assert(await bench.answers(METADATA));
    },
  );

  await t.step("a restart without that wish takes rules and table away, nothing else", async () => {
    await process.stop();
    assert(await bench.answers(BEHIND_HUB), "a stop leaves the tunnel");
    bench.startSpoke({ HUB_ALLOWED_IPS: `${BEHIND_HUB}/32` });
    await eventually("the rules go", async () => (await rules()) === before.rules || undefined);
    assertEquals((await spoke.run(["ip", "route", "show", "table", "87"])).trim(), "");
    await bench.reaches(BEHIND_HUB);
    assert(await bench.answers(BEHIND_GATEWAY), "by the machine's own default route again");
    await eventually("the mark goes", async () => {
      return (await spoke.run(["wg", "show", "wg0", "fwmark"])).trim() === "off" || undefined;
    });
  });
}

/**
 * The same where the machine drops what comes by an interface that it would not answer by, and the
 * hub and its API server are reached by nothing but the default route. (The sysctl src_valid_mark
 * alone does not help there: the answers bear no mark.)
 */
export async function strictPathScenario(
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, gateway } = bench;
  const via = `203.0.113.${number + 2}`;
  await gateway.run([
    "sysctl",
    "-qw",
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.send_redirects=0",
  ]);
  await spoke.run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"]);
  await spoke.ip(
    "route flush dev eth0",
    `route add ${via} dev eth0`,
    `route add default via ${via}`,
  );
  bench.startSpoke({ HUB_ALLOWED_IPS: "0.0.0.0/0,100.96.0.1/32" });
  await bench.join();
  await bench.reaches(BEHIND_HUB);
  assert(!await bench.answers(BEHIND_GATEWAY), "the default route leads into the tunnel");
  assert(await bench.answers(METADATA));
  await bench.labelComesBack(); // the API is reached, too
  const excepted = (await spoke.run(["ip", "rule", "show", "pref", "32763"])).split("\n");
  assert(excepted.some((line) => line.includes(`to ${bench.hubAddress} lookup main`)));
}
