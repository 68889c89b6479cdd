import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { eventually } from "../lab/eventually.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { bundleOf } from "../lab/stretched_cluster.ts";

const BEHIND_HUB = "198.51.100.1";
const PID_FILE = "/var/run/wg-spoke.pid";
const LOG_FILE = "/var/log/wg-spoke.log";

/** A machine that boots: the spoke in the background, under systemd, once, and taken away again. */
export async function spokeBootScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke } = bench;
  const environment = { KUBECONFIG: "/etc/late", WG_ADDRESS: "100.96.0.2/32" };
  /** Runs the spoke to its end, and until nobody holds its output any more. */
  const run = (env: Record<string, string>, ...words: string[]) =>
    spoke.exec(Deno.execPath(), [
      ...runArguments("spoke", bundleOf("spoke")),
      ...words,
    ], { env: { ...environment, ...env } });
  const start = () => run({ WG_DAEMONIZE: "true" });
  const pidOf = async () => (await spoke.readFile(PID_FILE)).trim();
  const isThere = async (...test: string[]) => (await spoke.exec("test", test)).code === 0;

  await t.step(
    "in the background: returns when the interface has its address, without any API",
    async () => {
      const begin = Date.now();
      const { code, stdout, stderr } = await start();
      const took = Date.now() - begin;
      assertEquals([code, stdout, stderr], [0, "", ""]);
      assertMatch(await spoke.run(["ip", "-o", "addr", "show", "wg0"]), /100\.96\.0\.2\/32/);
      assertMatch(await spoke.run(["ip", "-o", "link", "show", "wg0"]), /[<,]UP[,>]/);
      assert(took < 15_000, `${took} ms`);
    },
  );

  await t.step("it has a session of its own, holds no terminal, and logs to its file", async () => {
    const pid = await pidOf();
    const [session, parent] = (await spoke.run(["ps", "-o", "sid=,ppid=", "-p", pid])).trim()
      .split(/\s+/);
    assertEquals([session, parent], [pid, "1"]);
    assertEquals(await spoke.run(["readlink", `/proc/${pid}/fd/0`]), "/dev/null\n");
    const log = await spoke.readFile(LOG_FILE);
    assertStringIncludes(log, "interface made");
    assertStringIncludes(log, "/etc/late does not exist");
  });

  await t.step("a second start refuses while the first runs, and harms nothing", async () => {
    const before = await pidOf();
    const { code, stderr } = await start();
    assertEquals(code, 2);
    assertMatch(stderr, new RegExp(`^spoke: a spoke runs .*process ${before}, ${PID_FILE}`));
    assertEquals(await pidOf(), before);
  });

  await t.step("the credential comes, half of it first, and the spoke joins", async () => {
    await spoke.writeFile("/etc/late", "apiVersion: v1\nkind: Conf");
    await eventually("that is said", async () => {
      return (await spoke.readFile(LOG_FILE)).includes("/etc/late has no") || undefined;
    });
    await spoke.run(["cp", "/etc/kc", "/etc/late"]);
    await bench.join();
    await bench.reaches(BEHIND_HUB);
  });

  await t.step("SIGHUP looks again at once, and nothing is lost", async () => {
    const before = (await spoke.readFile(LOG_FILE)).length;
    await spoke.run(["kill", "-HUP", await pidOf()]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert(await bench.answers(BEHIND_HUB));
    assertEquals((await spoke.readFile(LOG_FILE)).slice(before), "");
  });

  await t.step("SIGTERM leaves the tunnel and takes the pid file away", async () => {
    await spoke.run(["kill", await pidOf()]);
    await eventually("it ends", async () => !await isThere("-e", PID_FILE) || undefined);
    assert(await bench.answers(BEHIND_HUB));
  });

  await t.step("what a crash leaves is no obstacle", async () => {
    assertEquals((await start()).code, 0);
    await spoke.run(["kill", "-KILL", await pidOf()]);
    assert(await isThere("-e", PID_FILE));
    await eventually("the lock goes", async () => (await start()).code === 0 || undefined);
    assert(await bench.answers(BEHIND_HUB));
  });

  await t.step("down ends it and takes everything away but the key", async () => {
    const key = await spoke.readFile("/etc/wireguard/private.key");
    const { code, stderr } = await run({}, "down");
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /interface removed.*\n.*registration removed/);
    assert(!await isThere("-e", PID_FILE));
    assert(!await isThere("-e", "/sys/class/net/wg0"));
    assert(!await isThere("-e", "/etc/wireguard/wg0.conf"));
    assertEquals(await spoke.readFile("/etc/wireguard/private.key"), key);
    const { labels = {}, annotations = {} } = (await bench.published("edge-2")).metadata;
    const left = Object.keys({ ...labels, ...annotations });
    assertEquals(left.filter((name) => name.startsWith("wireguard.kube/")), []);
    const again = await run({}, "down");
    assertEquals(again.code, 0);
    assertMatch(again.stderr, /there was no interface/);
  });

  await t.step("once: ends with 0 when the hub has answered, and leaves the tunnel", async () => {
    const { code, stderr } = await run({}, "--once");
    assertEquals(code, 0, stderr);
    assert(await bench.answers(BEHIND_HUB));
  });

  await t.step(
    "under systemd: ready with the address, its state in words, the watchdog fed",
    async () => {
      await using systemd = spoke.spawn(Deno.execPath(), [
        ...["run", "--no-config", "--no-check", "--unstable-net", "-A"],
        ...[new URL("../lab/notify_program.ts", import.meta.url).pathname, "/run/notify"],
      ]);
      await systemd.waitForLine(/^ready$/);
      await spoke.ip("link del wg0");
      const process = bench.startSpoke({ NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "1000000" });
      await systemd.waitForLine(/^READY=1$/);
      assertMatch(await spoke.run(["ip", "-o", "addr", "show", "wg0"]), /100\.96\.0\.2\/32/);
      await systemd.waitForLine(/^WATCHDOG=1\n(.*\n)*WATCHDOG=1$/);
      await systemd.waitForLine(/^STATUS=joined by hub-1$/);
      assertEquals(systemd.output.split("READY=1").length, 2);
      await process.stop();
    },
  );

  await t.step("a start that fails says why, and ends with 2", async () => {
    await spoke.writeFile("/etc/wireguard/private.key", "no key\n");
    const { code, stderr } = await start();
    assertEquals(code, 2);
    assertMatch(
      stderr,
      /^spoke: \/etc\/wireguard\/private\.key holds no WireGuard private key.*\n$/,
    );
    assert(!await isThere("-e", PID_FILE));
  });
}
