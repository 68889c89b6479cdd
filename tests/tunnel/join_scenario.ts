import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { readHealth } from "../lab/read_health.ts";
import { HUB, StretchedCluster, WITHOUT_POLICY } from "../lab/stretched_cluster.ts";

/** Waits until a ping is answered. */
export async function reaches(
  stretched: StretchedCluster,
  from: LabHost,
  address: string,
): Promise<void> {
  await eventually(`${from.name} reaches ${address}`, async () => {
    const { code } = await from.exec("ping", ["-c", "1", "-W", "1", address]);
    return code === 0 || undefined;
  }, () => stretched.logs());
}

/**
 * The main job: spokes join a hub, with a real API server.
 *
 * @param kind what WireGuard interfaces are, as `ip -d link` names it: `wireguard` in the kernel, `tun`.
 */
export async function joinScenario(t: Deno.TestContext, kind: "wireguard" | "tun"): Promise<void> {
  await using stretched = await StretchedCluster.create({
    kustomization: WITHOUT_POLICY, // so that the hub labels itself
    contained: kind === "wireguard",
  });
  const hub = await stretched.addHub();

  await t.step("the hub's Node has the label and three annotations", async () => {
    const published = await eventually("the hub publishes itself", async () => {
      const found = await stretched.published(HUB.node);
      return Object.keys(found).length === 4 ? found : undefined;
    }, () => stretched.logs());
    const { "public-key": key, ...rest } = published;
    assertEquals(rest, {
      hub: "true",
      endpoint: `${HUB.external}:51820`,
      "allowed-ips": "100.96.0.0/12,172.16.0.0/16",
    });
    const shown = (await hub.host.run(["wg", "show", "wg0", "public-key"])).trim();
    assertEquals(key, shown);
  });

  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3, { env: { WG_HEALTH_ADDRESS: "127.0.0.1:9587" } });

  await t.step("both spokes register", async () => {
    for (const spoke of [two, three]) {
      const { "public-key": key, ...rest } = await eventually("it registers", async () => {
        const found = await stretched.published(spoke.name);
        return Object.keys(found).length === 3 ? found : undefined;
      }, () => stretched.logs());
      const number = spoke.name.slice(-1);
      assertEquals(rest, { peer: "true", "allowed-ips": `100.96.0.${number}/32` });
      assertMatch(key!, /^[A-Za-z0-9+/]{43}=$/);
    }
  });

  await t.step(
    "the first handshake is answered: not one is sent too soon, to be lost",
    async () => {
      const begin = Date.now();
      await reaches(stretched, three.host, HUB.tunnel);
      const took = Date.now() - begin;
      assert(took < 4000, `${took} ms after it has registered: a second one is sent after 5 s`);
    },
  );

  await t.step("hub and spokes reach each other, the hub's InternalIP too", async () => {
    await reaches(stretched, two.host, HUB.tunnel);
    await reaches(stretched, two.host, HUB.internal);
    await reaches(stretched, hub.host, "100.96.0.2");
    await reaches(stretched, hub.host, "100.96.0.3");
  });

  await t.step("a spoke that serves its health is ready when the hub answers", async () => {
    await eventually("it is ready", async () => {
      return (await readHealth(three.host, "/readyz"))?.status === 200 || undefined;
    }, () => stretched.logs());
    assertEquals(await readHealth(three.host, "/readyz?verbose"), {
      status: 200,
      text: `[+]joined: joined by ${HUB.node}\nok\n`,
    });
    assertEquals(await readHealth(two.host, "/readyz"), undefined); // unless told
  });

  await t.step("a spoke reaches the other through the hub", async () => {
    await reaches(stretched, two.host, "100.96.0.3");
    await reaches(stretched, three.host, "100.96.0.2");
  });

  await t.step(
    "the tunnel is the kernel's, with its MTU, and nothing was complained of",
    async () => {
      const link = JSON.parse(await two.host.run(["ip", "-j", "-d", "link", "show", "wg0"]));
      assertEquals([link[0].linkinfo.info_kind, link[0].mtu], [kind, 1420]);
      for (const { process } of [hub, two, three]) {
        assertEquals(process.output.split("\n").filter((line) => /warning|error/.test(line)), []);
      }
    },
  );
}
