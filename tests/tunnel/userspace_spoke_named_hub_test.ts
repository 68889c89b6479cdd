import { assert, assertEquals } from "@std/assert";
import { progress } from "../lab/command.ts";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { measureTraffic } from "../lab/traffic.ts";

const BEHIND_HUB = "198.51.100.1";
const NUMBER = 150;
const NAME = "hub.example";
const LATER = `203.0.113.${NUMBER + 6}`;
/** An answer of the name service serves a minute; then come a look (10 s), and a handshake (5 s). */
const FOLLOWS_MS = 90_000;

// Once, not for the kernel's WireGuard, too: it lasts a minute, and who resolves names is the spoke.
Deno.test("a spoke reaches a hub by its name, and follows the name to another address", async (t) => {
  await using bench = await SpokeBench.create({ kind: "userspace", number: NUMBER });
  const { spoke, hub } = bench;
  const nameIs = (address: string) =>
    spoke.writeFile("/etc/hosts", `127.0.0.1 localhost\n${address} ${NAME}\n`, 0o644);
  const keyOf = async (host: LabHost) =>
    (await host.run(["wg", "show", "wg0", "public-key"])).trim();
  const endpoint = async () =>
    (await spoke.run(["wg", "show", "wg0", "endpoints"])).trim().split("\t")[1];
  const process = bench.startSpoke();
  await bench.join();
  await bench.reaches(BEHIND_HUB);

  await t.step("a name that nobody knows changes nothing", async () => {
    await bench.publishHub({ endpoint: `unknown.invalid:51820` });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert(await bench.answers(BEHIND_HUB));
  });

  await t.step("the hub's endpoint becomes a name: nothing is lost", async () => {
    await nameIs(bench.hubAddress);
    const { lost, refused } = await measureTraffic(
      { from: spoke, to: hub, address: BEHIND_HUB },
      async () => {
        await bench.publishHub({ endpoint: `${NAME}:51820` });
        await new Promise((resolve) => setTimeout(resolve, 2000));
      },
    );
    assertEquals({ lost, refused }, { lost: 0, refused: 0 });
    assertEquals(await endpoint(), `${bench.hubAddress}:51820`);
    await eventually("it is on the disk", async () => {
      return (await spoke.readFile("/etc/wireguard/wg0.conf")).includes(bench.hubAddress) ||
        undefined;
    }, () => bench.log);
  });

  await t.step("the hub moves, and so does its name: the spoke is there by itself", async () => {
    // The hub forgets where the spoke is, so that it is not the one who calls. The API server moves
    // with it, so nobody tells the spoke anything.
    const peer = ["wg", "set", "wg0", "peer", await keyOf(spoke)];
    await hub.run([...peer, "remove"]);
    await hub.run([...peer, "allowed-ips", "100.96.0.2/32"]);
    // In this order: with the first address of a network its others go.
    await hub.ip(`addr del ${bench.hubAddress}/24 dev eth0`, `addr add ${LATER}/24 dev eth0`);
    assert(!await bench.answers(BEHIND_HUB));
    await nameIs(LATER);
    const begin = Date.now();
    while (!await bench.answers(BEHIND_HUB)) {
      assert(Date.now() - begin < FOLLOWS_MS, bench.log);
    }
    progress(`hub's name at another address -> reached again: ${Date.now() - begin} ms`);
    assertEquals(await endpoint(), `${LATER}:51820`);
    assert(!process.ended);
  });
});
