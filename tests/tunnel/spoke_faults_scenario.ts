import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import type { LabProcess } from "../lab/lab_process.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";

const BEHIND_HUB = "198.51.100.1";

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

  await t.step("a route that is deleted comes back at once", async () => {
    await spoke.ip(`route del ${BEHIND_HUB}/32 dev wg0`);
    await recovery(3000);
  });

  await t.step("an address that is deleted comes back at once", async () => {
    await spoke.ip("addr del 100.96.0.2/32 dev wg0");
    await recovery(3000);
  });

  await t.step("wg0 that is deleted is made again, with all that it had", async () => {
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

  await t.step("the hub moves to another endpoint", async () => {
    await hub.ip(`addr add 203.0.113.${number + 6}/24 dev eth0`);
    await hub.run(["wg", "set", "wg0", "listen-port", "51999"]);
    await bench.publishHub({ endpoint: `203.0.113.${number + 6}:51999` });
    await recovery(8000);
    assertMatch(await spoke.run(["wg", "show", "wg0", "endpoints"]), /:51999$/m);
  });

  await t.step("garbage in the hub's annotations changes nothing, and is said once", async () => {
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
  });

  await t.step("a disk that takes nothing is said once, and the tunnel goes on", async () => {
    await spoke.run(["mount", "-o", "remount,ro", "/etc/wireguard"]);
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
    await spoke.run(["mount", "-o", "remount,rw", "/etc/wireguard"]);
  });

  await t.step(
    "the machine starts again while the API is down: the tunnel comes from the disk",
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
