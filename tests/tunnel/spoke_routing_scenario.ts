import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
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
  const { spoke, gateway } = bench;
  const via = `203.0.113.${number + 2}`;
  await spoke.ip(...CILIUM);
  const rules = () => spoke.run(["ip", "rule", "show"]);
  const routes = () => spoke.run(["ip", "route", "show", "table", "main"]);
  const before = { rules: await rules(), routes: await routes() };
  await using monitor = spoke.spawn("ip", ["-o", "monitor", "route"]);
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

  await t.step("the route to the hub gets another MTU: the tunnel follows", async () => {
    const mtu = async () => {
      const [link] = JSON.parse(await spoke.run(["ip", "-j", "link", "show", "wg0"]));
      return link.mtu;
    };
    assertEquals(await mtu(), 1420);
    await spoke.ip(`route add ${bench.hubAddress} dev eth0 mtu 1400`);
    await eventually("it is narrower", async () => await mtu() === 1320 || undefined);
    await spoke.ip(`route del ${bench.hubAddress} dev eth0`);
    await eventually("it is as before", async () => await mtu() === 1420 || undefined);
  });

  await t.step(
    "a way to the hub with a smaller MTU is told of, once, and what to set",
    async () => {
      await forward(gateway);
      await gateway.ip(`route add ${bench.hubAddress} dev eth0 mtu 1300`);
      await spoke.ip(`route add ${bench.hubAddress} via ${via}`);
      const { stdout } = await spoke.exec("ping", [
        ...["-m", "16", "-M", "do", "-s", "1400", "-c", "1", "-W", "1", bench.hubAddress],
      ]);
      assertMatch(stdout, /mtu ?= ?1300/);
      await process.waitForLine(/carries 1300 bytes a packet.* WG_MTU to 1240/, 15_000);
      await spoke.ip(`route del ${bench.hubAddress} via ${via}`, "route flush cache");
      await process.waitForLine(/path: mended/, 15_000);
      assertEquals(bench.log.split("carries 1300 bytes").length, 2);
    },
  );

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

  await t.step("no route of the machine itself was lost, not for a moment", () => {
    const deleted = monitor.output.split("\n").filter((line) => line.includes("Deleted"));
    const theirs = deleted.filter((line) => !line.includes(" dev wg0 "))
      .filter((line) => !line.includes(`Deleted ${bench.hubAddress} `)); // that was ours to take
    assertEquals(theirs, []);
  });

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
  await forward(gateway);
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

/** Makes a host a router that does not tell its neighbours of shorter ways. */
async function forward(gateway: LabHost): Promise<void> {
  await gateway.run([
    ...["sysctl", "-qw", "net.ipv4.ip_forward=1"],
    ...["net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.eth0.send_redirects=0"],
  ]);
}
