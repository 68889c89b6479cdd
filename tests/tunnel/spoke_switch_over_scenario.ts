import { assert, assertEquals } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { measureTraffic } from "../lab/traffic.ts";

const BEHIND_HUB = "198.51.100.1";
const PREFIX = "wireguard.kube/";

/** A machine that ran the original script, as that leaves it, is given to this program. */
export async function spokeSwitchOverScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, hub } = bench;
  const hubKey = (await hub.run(["wg", "show", "wg0", "public-key"])).trim();
  const key = (await spoke.run(["wg", "genkey"])).trim();
  const publicKey = (await spoke.run(["wg", "pubkey"], { stdin: key })).trim();
  await spoke.writeFile("/etc/wireguard/private.key", `${key}\n`);
  await spoke.writeFile("/etc/wireguard/public.key", `${publicKey}\n`, 0o644);
  await spoke.writeFile(
    "/etc/wireguard/wg0.conf",
    `[Interface]\nAddress = 100.96.0.2/32\nListenPort = 51820\nPrivateKey = ${key}\n\n` +
      `[Peer]\nPublicKey = ${hubKey}\nEndpoint = ${bench.hubAddress}:51820\n` +
      `AllowedIPs = 100.96.0.1/32,${BEHIND_HUB}/32\nPersistentKeepalive = 25\n`,
  );
  await spoke.run(["wg-quick", "up", "wg0"]);
  await bench.publish("edge-2", { peer: "true" }, {
    "public-key": publicKey,
    "allowed-ips": "100.96.0.2/32",
  });
  await bench.join();
  await bench.reaches(BEHIND_HUB);
  const indexOf = async () => (await spoke.run(["ip", "-o", "link", "show", "wg0"])).split(":")[0];
  const before = { index: await indexOf(), node: (await bench.published("edge-2")).metadata };

  await t.step("switched over from the script: no packet is lost, the key stays", async () => {
    const { lost, refused } = await measureTraffic(
      { from: spoke, to: hub, address: BEHIND_HUB },
      async () => {
        const process = bench.startSpoke();
        await process.waitForLine(/interface set/);
        await bench.labelComesBack();
      },
    );
    assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    assertEquals(await indexOf(), before.index, "the interface was not made again");
    assertEquals(await spoke.readFile("/etc/wireguard/private.key"), `${key}\n`);
    assertEquals((await spoke.run(["wg", "show", "wg0", "public-key"])).trim(), publicKey);
  });

  await t.step("what stands on its Node is what the script wrote, byte for byte", async () => {
    const { labels, annotations } = (await bench.published("edge-2")).metadata;
    assertEquals({ labels, annotations }, {
      labels: before.node.labels,
      annotations: before.node.annotations,
    });
    assertEquals(Object.keys({ ...labels, ...annotations }).sort(), [
      `${PREFIX}allowed-ips`,
      `${PREFIX}peer`,
      `${PREFIX}public-key`,
    ]);
  });

  await t.step("a hub that says no allowed-ips is reached as the script reached it", async () => {
    await bench.publishHub({ "allowed-ips": null });
    await eventually("only .1 of the tunnel's network is routed", async () => {
      const allowed = await spoke.run(["wg", "show", "wg0", "allowed-ips"]);
      return allowed.trim() === `${hubKey}\t100.96.0.1/32` || undefined;
    }, () => bench.log);
    assert(await bench.answers("100.96.0.1"));
  });
}
