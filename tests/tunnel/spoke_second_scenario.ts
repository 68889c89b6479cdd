import { assert, assertEquals } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { measureTraffic } from "../lab/traffic.ts";

const BEHIND_HUB = "198.51.100.1";
const BEHIND_SECOND = "198.51.100.2";
const PREFIX = "wireguard.kube/";

/** A machine with two spokes, each with an interface, a Node and a hub of its own. */
export async function secondSpokeScenario(
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, hub } = bench;
  bench.startSpoke();
  await bench.join();
  await bench.reaches(BEHIND_HUB);
  if (kind === "kernel") await hub.ip("link add wg1 type wireguard");
  else await hub.run(["wireguard-go", "wg1"]);
  await hub.run(["sh", "-c", "wg genkey > /etc/hub2.key"]);
  await hub.run(["wg", "set", "wg1", "private-key", "/etc/hub2.key", "listen-port", "51821"]);
  await hub.ip(
    `addr add ${BEHIND_SECOND}/32 dev lo`,
    "link set wg1 up",
    "route add 100.97.0.2/32 dev wg1",
  );
  const hubKey = (await hub.run(["wg", "show", "wg1", "public-key"])).trim();
  await bench.addHubNode("hub-2", {
    "public-key": hubKey,
    endpoint: `${bench.hubAddress}:51821`,
    "allowed-ips": "100.97.0.1/32",
  });
  await bench.addNode("edge-3");
  const env = {
    NODE_NAME: "edge-3",
    WG_INTERFACE: "wg1",
    WG_ADDRESS: "100.97.0.2/32",
    WG_LISTEN_PORT: "51821",
    WG_PRIVATE_KEY_FILE: "/etc/wireguard/wg1.key",
    HUB_PUBLIC_KEY: hubKey,
    HUB_ALLOWED_IPS: `${BEHIND_SECOND}/32`,
  };
  const said = async () =>
    JSON.stringify([
      (await bench.published("hub-1")).metadata,
      (await bench.published("edge-2")).metadata,
    ]);
  const before = await said();
  const { sent, lost, refused } = await measureTraffic(
    { from: spoke, to: hub, address: BEHIND_HUB },
    async () => {
      const second = bench.startSpoke(env);
      const key = await eventually("it registers", async () => {
        return (await bench.published("edge-3")).metadata.annotations?.[`${PREFIX}public-key`];
      }, () => bench.log);
      await hub.run(["wg", "set", "wg1", "peer", key, "allowed-ips", "100.97.0.2/32"]);
      await bench.reaches(BEHIND_SECOND);
      await second.stop("SIGKILL");
      assertEquals(await bench.startSpoke(env, "down").exitCode(), 0, bench.log);
    },
  );
  assert(sent > 300, `${sent}`);
  assertEquals({ lost, refused }, { lost: 0, refused: 0 }, bench.log);
  assert((await spoke.exec("ip", ["link", "show", "wg1"])).code !== 0);
  assertEquals((await bench.published("edge-3")).metadata.labels?.[`${PREFIX}peer`], "false");
  assertEquals(await said(), before);
  await bench.reaches(BEHIND_HUB);
}
