import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import { pause } from "../lab/pause.ts";
import { SpokeBench } from "../lab/spoke_bench.ts";
import { Underlay } from "../lab/underlay.ts";

const BEHIND_HUB = "198.51.100.1";
/** Seconds: a short keepalive, and a router that forgets whom it has not heard for a little longer. */
const KEEPALIVE = 3;
const FORGETS = 5;
/** Two keepalives, and what a ping may take besides, in ms. */
const BACK = 2 * KEEPALIVE * 1000 + 2000;

const inside = (last: number) => `192.168.77.${last}`;
/**
 * A spoke behind a router that masquerades, as most sites have it: nobody reaches the spoke but by the
 * mapping that its own packets make and keep. All pings are the hub's, so that none of the spoke's own
 * traffic mends anything.
 */
export async function spokeNatScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
  number: number,
): Promise<void> {
  await using lan = await Underlay.create();
  await using bench = await SpokeBench.create({ kind, number });
  const { spoke, hub, gateway } = bench;
  const outside = (more: number) => `203.0.113.${number + more}`;
  await spoke.ip("link set eth0 down");
  await lan.attach(gateway, `${inside(1)}/24`, { device: "lan0" });
  await lan.attach(spoke, `${inside(2)}/24`, { device: "eth1", gateway: inside(1) });
  await gateway.run([
    ...[
      "nft",
      "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; };",
    ],
    ...["add rule ip nat post oifname eth0 masquerade"],
  ]);
  const timeouts = ["udp_timeout", "udp_timeout_stream"]
    .map((name) => `net.netfilter.nf_conntrack_${name}=${FORGETS}`);
  await gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", ...timeouts]);

  const process = bench.startSpoke({ WG_PERSISTENT_KEEPALIVE: `${KEEPALIVE}` });
  await bench.join();
  const seenAt = async () => (await hub.run(["wg", "show", "wg0", "endpoints"])).trim();
  const hubReaches = async () =>
    (await hub.exec("ping", ["-c", "1", "-W", "1", "100.96.0.2"])).code === 0;
  /** Until the hub reaches the spoke again. */
  const recovers = async () => {
    const begin = performance.now();
    await eventually(
      "the hub reaches the spoke",
      async () => await hubReaches() || undefined,
      () => {
        return bench.log;
      },
    );
    assertLess(performance.now() - begin, BACK, bench.log);
    assert(!process.ended, bench.log);
  };

  await t.step("the tunnel comes up, from the router's address", async () => {
    await bench.reaches(BEHIND_HUB);
    assertMatch(await seenAt(), new RegExp(`\\t${outside(2).replaceAll(".", "\\.")}:\\d+$`));
  });

  await t.step("the keepalive keeps the router's mapping: a silent spoke is reached", async () => {
    const before = await seenAt();
    await pause(3 * FORGETS * 1000);
    assertEquals([await hubReaches(), await seenAt()], [true, before]);
  });

  await t.step(
    "the router has another address, and so another mapping: back within two keepalives",
    async () => {
      await gateway.ip(
        `addr del ${outside(2)}/24 dev eth0`,
        `addr add ${outside(6)}/24 dev eth0`,
      );
      await recovers();
      assertMatch(await seenAt(), new RegExp(`\\t${outside(6).replaceAll(".", "\\.")}:\\d+$`));
    },
  );

  await t.step(
    "the spoke has another address behind the router: back within two keepalives",
    async () => {
      await spoke.ip(
        `addr del ${inside(2)}/24 dev eth1`,
        `addr add ${inside(3)}/24 dev eth1`,
        `route replace default via ${inside(1)}`,
      );
      await recovers();
      await bench.labelComesBack(); // the API is reached from there, too
    },
  );
}
