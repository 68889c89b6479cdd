import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { progress } from "../lab/command.ts";
import { eventually } from "../lab/eventually.ts";
import { LabHost } from "../lab/lab_host.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { bundleOf } from "../lab/stretched_cluster.ts";

const BEHIND_HUB = "198.51.100.1";
const PID_FILE = "/var/run/wg-spoke.pid";
const LOG_FILE = "/var/log/wg-spoke.log";
/** What a spoke that waits may occupy, in kB. */
const MEMORY_LIMIT = 70 * 1024;

/** A machine that boots: the spoke in the background, under systemd, once, and taken away again. */
export async function spokeBootScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke } = bench;
  await using lonely = await LabHost.create("edge-9");
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
    const inFront = await run({});
    assertEquals(inFront.code, 2);
    assertMatch(
      inFront.stderr,
      new RegExp(`^spoke: a spoke runs on wg0 already \\(process ${before}\\)`),
    );
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

  await t.step("SIGHUP reads the credential again at once, and nothing is lost", async () => {
    const said = async (text: string) =>
      await eventually(`the log says ${text}`, async () => {
        return (await spoke.readFile(LOG_FILE)).slice(before).includes(text) || undefined;
      });
    const before = (await spoke.readFile(LOG_FILE)).length;
    const hangUp = async () => await spoke.run(["kill", "-HUP", await pidOf()]);
    await spoke.writeFile("/etc/late", "no: kubeconfig\n");
    await hangUp();
    await said("/etc/late has no current-context");
    assert(await bench.answers(BEHIND_HUB));
    await spoke.run(["cp", "/etc/kc", "/etc/late"]);
    await hangUp();
    await said("works again");
    assert(await bench.answers(BEHIND_HUB));
  });

  await t.step("a spoke that waits occupies 70 MB at most", async () => {
    const status = await spoke.run(["cat", `/proc/${await pidOf()}/status`]);
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    progress(`an idle spoke occupies ${Math.round(resident / 1024)} MB`);
    assert(resident <= MEMORY_LIMIT, `${resident} kB`);
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
    assertEquals(left.filter((name) => name.startsWith("wireguard.kube/")), [
      "wireguard.kube/peer",
    ]);
    assertEquals(labels["wireguard.kube/peer"], "false");
    const again = await run({}, "down");
    assertEquals(again.code, 0);
    assertMatch(again.stderr, /there was no interface/);
  });

  await t.step("down ends a spoke in the foreground, too", async () => {
    const process = bench.startSpoke();
    await process.waitForLine(/interface set/);
    const { code, stderr } = await run({}, "down");
    assertEquals(code, 0, stderr);
    assertEquals(await process.exitCode(), 0);
    assert(!await isThere("-e", "/sys/class/net/wg0"));
  });

  await t.step("a start in the background that fails says why, and where the log is", async () => {
    if (kind === "kernel") await spoke.ip("link add wg7 type wireguard");
    else await spoke.run(["wireguard-go", "wg7"]);
    await spoke.run(["wg", "set", "wg7", "listen-port", "51820"]);
    await spoke.ip("link set wg7 up");
    const { code, stderr } = await start();
    assertEquals(code, 2);
    assertMatch(
      stderr,
      /^spoke: UDP port 51820 is in use by .*--listen-port; see \/var\/log\/.*\n$/,
    );
    assert(!await isThere("-e", PID_FILE));
    await spoke.ip("link del wg7");
    await run({}, "down");
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
      const { code, stderr } = await run({}, "down");
      assertEquals(code, 2);
      assertMatch(stderr, /^spoke: the spoke .* under systemd.*: systemctl disable --now wg-spoke/);
      assert(await bench.answers(BEHIND_HUB), "that has taken nothing away");
      await process.stop();
    },
  );

  await t.step("once, in vain: ends with 1 and one line that says what it waited for", async () => {
    const { code, stderr } = await lonely.exec(Deno.execPath(), [
      ...runArguments("spoke", bundleOf("spoke")),
      ...["--once", "--once-limit=3", "--kubeconfig=/etc/missing"],
    ]);
    assertEquals(code, 1);
    assertMatch(
      stderr.trimEnd().split("\n").at(-1)!,
      /^spoke: not joined within 3 s: the interface is up, waiting for .* credential$/,
    );
    assertMatch(stderr, /\/etc\/missing does not exist/);
  });

  // Told, not judged: most of it is how long this machine takes to start Deno.
  await t.step(
    "exec -> interface up with its address and routes, as wg-quick up makes them",
    async () => {
      const { spokeMs, quickMs } = await compareWithQuick(lonely);
      progress(`exec -> interface up: ${spokeMs} ms, wg-quick up: ${quickMs} ms`);
    },
  );

  await t.step(
    "key file unreadable or malformed: a clear error, and the tunnel goes on",
    async () => {
      await spoke.writeFile("/etc/wireguard/private.key", "no key\n");
      const { code, stderr } = await start();
      assertEquals(code, 2);
      assertMatch(
        stderr,
        /^spoke: \/etc\/wireguard\/private\.key holds no WireGuard private key.*\n$/,
      );
      assertEquals(await spoke.readFile("/etc/wireguard/private.key"), "no key\n");
      assert(await bench.answers(BEHIND_HUB));
      assert(!await isThere("-e", PID_FILE));
    },
  );
}

/** How often each is timed; the best counts, as others use the machine meanwhile. */
const ROUNDS = 3;

/** Both bring up the same: an address, a peer with two prefixes, their routes. In ms. */
async function compareWithQuick(host: LabHost): Promise<{ spokeMs: number; quickMs: number }> {
  const key = (await host.run(["wg", "genkey"])).trim();
  const hub = (await host.run(["sh", "-c", "wg genkey | wg pubkey"])).trim();
  await host.writeFile("/etc/compared.key", `${key}\n`);
  await host.writeFile(
    "/etc/wireguard/wg1.conf",
    `[Interface]\nPrivateKey = ${key}\nListenPort = 51999\nAddress = 100.96.0.9/32\n` +
      `[Peer]\nPublicKey = ${hub}\nEndpoint = 203.0.113.1:51820\n` +
      "AllowedIPs = 100.96.0.1/32, 172.16.0.0/16\n",
  );
  const spokes: number[] = [];
  const quicks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let begin = performance.now();
    await host.run(["wg-quick", "up", "wg1"]);
    quicks.push(performance.now() - begin);
    await host.run(["wg-quick", "down", "wg1"]);
    await using monitor = host.spawn("ip", ["-o", "monitor", "address"]);
    await new Promise((resolve) => setTimeout(resolve, 300)); // it listens by then
    begin = performance.now();
    await using spoke = host.spawn(Deno.execPath(), [
      ...runArguments("spoke", bundleOf("spoke")),
      ...["--interface=wg1", "--address=100.96.0.9/32", "--listen-port=51999"],
      ...["--private-key-file=/etc/compared.key", "--kubeconfig=/etc/missing"],
    ]);
    await monitor.waitForLine(/wg1 .*100\.96\.0\.9\/32/);
    spokes.push(performance.now() - begin);
    await spoke.waitForLine(/routes added.*172\.16\.0\.0\/16/);
    await spoke.stop();
    await host.ip("link del wg1");
  }
  const best = (times: readonly number[]) => Math.round(Math.min(...times));
  return { spokeMs: best(spokes), quickMs: best(quicks) };
}
