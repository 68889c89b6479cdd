import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import type { LabProcess } from "../lab/lab_process.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { measureTraffic } from "../lab/traffic.ts";

const BEHIND_HUB = "198.51.100.1";
/** Requests in 4 s of an API server that fails, from which on it is a storm. */
const STORM = 20;
/** The longest delay of a retry, and 2 s, in ms. */
const BACK_IN_STEP = 17_000;

/** Rows of the fault table that concern one spoke and its hub. */
export async function spokeFaultsScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, hub } = bench;
  let process: LabProcess = bench.startSpoke();
  await bench.join();
  await bench.reaches(BEHIND_HUB);

  /** Waits until the hub is reached again. @returns in ms. */
  const recovery = async (limitMs: number) => {
    const begin = Date.now();
    await bench.reaches(BEHIND_HUB);
    const took = Date.now() - begin;
    assert(took <= limitMs, `${took} ms`);
  };

  await t.step(
    "keys and last known hub lie on the disk, each as private as it must be",
    async () => {
      const modes = await spoke.run([
        "stat",
        "-c",
        "%a %n",
        ...["private.key", "public.key", "wg0.conf"]
          .map((name) => `/etc/wireguard/${name}`),
      ]);
      assertEquals(modes.match(/^\d+/gm), ["600", "644", "600"]);
      const shown = await spoke.run(["wg", "show", "wg0", "public-key"]);
      assertEquals(await spoke.readFile("/etc/wireguard/public.key"), shown);
    },
  );

  await t.step("a route deleted by hand: repaired at once", async () => {
    await spoke.ip(`route del ${BEHIND_HUB}/32 dev wg0`);
    await recovery(3000);
  });

  await t.step("an address deleted by hand: repaired at once", async () => {
    await spoke.ip("addr del 100.96.0.2/32 dev wg0");
    await recovery(3000);
  });

  await t.step("a peer edited by hand: repaired at the next look", async () => {
    const key = (await hub.run(["wg", "show", "wg0", "public-key"])).trim();
    const edit = () => spoke.run(["wg", "set", "wg0", "peer", key, "allowed-ips", ""]);
    await edit();
    // The next look may come at once: the one after it does not.
    for (let i = 0; i < 3 && await bench.answers(BEHIND_HUB); i++) await edit();
    assert(!await bench.answers(BEHIND_HUB));
    await recovery(13_000);
    await spoke.run(["wg", "set", "wg0", "peer", key, "remove"]);
    await recovery(13_000);
  });

  await t.step("wg0 deleted by hand: made again at once, with all that it had", async () => {
    await spoke.ip("link del wg0");
    await recovery(8000);
  });

  await t.step(
    "the address on the underlay changes: back within two keepalives, nothing restarted",
    async () => {
      await spoke.ip(
        `addr del 203.0.113.${number + 1}/24 dev eth0`,
        `addr add 203.0.113.${number + 5}/24 dev eth0`,
        `route replace default via 203.0.113.${number + 2}`,
      );
      await recovery(50_000);
      assert(!process.ended);
    },
  );

  await t.step("node deleted and created again: the spoke registers on it", async () => {
    const { lost, refused } = await measureTraffic(
      { from: spoke, to: hub, address: BEHIND_HUB },
      async () => {
        await bench.replaceNode("edge-2");
        await bench.admitSpoke();
      },
    );
    assertEquals({ lost, refused }, { lost: 0, refused: 0 });
  });

  await t.step(
    "API slow, watch silent: nothing is lost, and back in step within seconds",
    async () => {
      const { lost, refused } = await measureTraffic(
        { from: spoke, to: hub, address: BEHIND_HUB },
        async () => {
          await bench.hangApi();
          await new Promise((resolve) => setTimeout(resolve, 3000));
          await bench.resumeApi();
          await bench.labelComesBack();
        },
      );
      assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    },
  );

  await t.step(
    "API 410, 429, 500: nothing is lost, back in step within seconds, no request storm",
    async () => {
      const { lost, refused } = await measureTraffic(
        { from: spoke, to: hub, address: BEHIND_HUB },
        async () => {
          await bench.controlApi("forget-history");
          await bench.controlApi("cut-watches"); // the next one begins with a version too old: 410
          await bench.labelComesBack();
          for (const failing of ["fail/429", "fail/500"] as const) {
            await bench.controlApi(failing);
            const before = await bench.controlApi("cut-watches");
            await new Promise((resolve) => setTimeout(resolve, 4000));
            const asked = await bench.controlApi(failing) - before;
            assert(asked <= STORM, `${failing}: ${asked} requests`);
            // What failed before may let it wait longer than that.
            await eventually(`${failing} is seen`, async () => {
              return await bench.controlApi(failing) > before || undefined;
            });
            await bench.controlApi("heal");
            const begin = Date.now();
            await bench.labelComesBack();
            assert(Date.now() - begin < BACK_IN_STEP, `${failing}: ${Date.now() - begin} ms`);
          }
        },
      );
      assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    },
  );

  await t.step("hub's endpoint changes: the spoke follows in seconds", async () => {
    await hub.ip(`addr add 203.0.113.${number + 6}/24 dev eth0`);
    await hub.run(["wg", "set", "wg0", "listen-port", "51999"]);
    await bench.publishHub({ endpoint: `203.0.113.${number + 6}:51999` });
    await recovery(8000);
    assertMatch(await spoke.run(["wg", "show", "wg0", "endpoints"]), /:51999$/m);
  });

  await t.step(
    "garbage or newlines in any annotation: nothing changes, and it is said once",
    async () => {
      const good = await spoke.readFile("/etc/wireguard/wg0.conf");
      const before = bench.log.length;
      await bench.publishHub({
        "public-key": "AAAA\nPostUp = touch /etc/smuggled",
        endpoint: "203.0.113.9:1\nPostUp = touch /etc/smuggled",
        "allowed-ips": "100.96.0.1/32\nPostUp = touch /etc/smuggled",
      });
      await eventually(
        "it is said",
        () => bench.log.slice(before).includes("no node is a complete") || undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 2000));
      assertEquals(bench.log.slice(before).split("no node is a complete").length, 2);
      assertEquals(bench.log.slice(before).split("refused what a node asks for").length, 4);
      assert(await bench.answers(BEHIND_HUB));
      assertEquals(await spoke.readFile("/etc/wireguard/wg0.conf"), good);
      assertEquals((await spoke.exec("test", ["-e", "/etc/smuggled"])).code, 1);
    },
  );

  await t.step("disk full: said once, and the tunnel goes on", async () => {
    await spoke.run(["mount", "-o", "remount,size=64k", "/etc/wireguard"]);
    await spoke.exec("sh", ["-c", "head -c 64k /dev/zero > /etc/wireguard/zeros"]);
    const onDisk = await spoke.readFile("/etc/wireguard/wg0.conf");
    const key = (await hub.run(["wg", "show", "wg0", "public-key"])).trim();
    const before = bench.log.length;
    await bench.publishHub({
      "public-key": key,
      endpoint: `203.0.113.${number + 6}:51999`,
      "allowed-ips": `100.96.0.1/32,${BEHIND_HUB}/32,192.0.2.77/32`,
    });
    await eventually("the route is there", async () => {
      return (await spoke.run(["ip", "route"])).includes("192.0.2.77") || undefined;
    }, () => bench.log);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assertEquals(bench.log.slice(before).split("wg0.conf cannot be written").length, 2);
    await recovery(3000);
    assertEquals(
      await spoke.readFile("/etc/wireguard/wg0.conf"),
      onDisk,
      "the last good one stays",
    );
    await spoke.run(["rm", "/etc/wireguard/zeros"]);
  });

  await t.step("state dir read-only: a start has the tunnel go on", async () => {
    await spoke.run(["mount", "-o", "remount,ro", "/etc/wireguard"]);
    await process.stop("SIGKILL");
    process = bench.startSpoke();
    await process.waitForLine(/wg0\.conf cannot be written/);
    await recovery(3000);
    await spoke.run(["mount", "-o", "remount,rw", "/etc/wireguard"]);
  });

  await t.step(
    "spoke reboots with the API down: the tunnel comes up from disk",
    async () => {
      await eventually("it is on the disk", async () => {
        return (await spoke.readFile("/etc/wireguard/wg0.conf")).includes("192.0.2.77") ||
          undefined;
      }, () => bench.log);
      await process.stop("SIGKILL");
      await bench.stopApi();
      await spoke.ip("link del wg0");
      process = bench.startSpoke();
      await recovery(8000);
    },
  );

  await t.step("and an empty API server, as after a disaster, does not take it away", async () => {
    await bench.startApi();
    await bench.admitSpoke();
    assert(await bench.answers(BEHIND_HUB));
    await process.stop();
    assert(await bench.answers(BEHIND_HUB), "a stop leaves the tunnel");
  });
}
