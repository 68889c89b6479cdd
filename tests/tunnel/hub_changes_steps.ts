import { assert, assertEquals, assertGreater } from "@std/assert";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";
import { createNode, deleteNode, setNodeStatus } from "../lab/create_node.ts";
import { pause } from "../lab/pause.ts";
import { readHealth } from "../lab/read_health.ts";
import { HUB, type Member, type StretchedCluster } from "../lab/stretched_cluster.ts";
import type { TrafficResult } from "../lab/traffic.ts";
import { reaches } from "./join_scenario.ts";

/** How often the hub looks where its peers are, and a little more, in ms. */
export const OBSERVED = 11_000;

/** A cluster with two spokes that reach each other through the hub. */
export interface Scene {
  readonly stretched: StretchedCluster;
  readonly hub: Member;
  readonly two: Member;
  readonly three: Member;
  /** Measures from spoke two to spoke three. */
  readonly traffic: (during: () => Promise<unknown>) => Promise<TrafficResult>;
  /** Runs wg(8) on the hub. */
  readonly wg: (...args: string[]) => Promise<string>;
  readonly until: (what: string, ask: () => Promise<boolean>) => Promise<unknown>;
}

/** What is changed under a hub that runs, by hand or by an administrator; all ends as it was. */
export async function hubChangesSteps(
  t: Deno.TestContext,
  { stretched, hub, two, three, traffic, wg, until }: Scene,
): Promise<void> {
  await t.step("wg0 deleted by hand: repaired at once, traffic is back within 2.5 s", async () => {
    const before = await wg("show", "wg0", "public-key");
    const { sent, lost, longestGapMs } = await traffic(async () => {
      await pause(500);
      await hub.host.ip("link del wg0");
      await pause(6000);
    });
    assertGreater(sent, 500);
    assert(longestGapMs < 2500, `${lost} of ${sent} lost, ${longestGapMs} ms\n${stretched.logs()}`);
    assertEquals(await wg("show", "wg0", "public-key"), before);
    const keepalives = await wg("show", "wg0", "persistent-keepalive");
    assertEquals(keepalives.match(/\S+$/gm), ["off", "off"]);
  });

  await t.step("a route deleted by hand: repaired at once", async () => {
    await hub.host.ip("route del 100.96.0.3/32 dev wg0");
    await until(
      "the route",
      async () =>
        (await hub.host.run(["ip", "route", "show", "dev", "wg0"])).includes("100.96.0.3 "),
    );
  });

  await t.step(
    "all routes that are not the system's own are deleted, as systemd-networkd does: repaired at once",
    async () => {
      const routes = () => hub.host.run(["ip", "route", "show", "dev", "wg0", "proto", "87"]);
      const before = await routes();
      const { longestGapMs } = await traffic(async () => {
        await hub.host.ip("route flush proto 87");
        await until("the routes", async () => await routes() === before);
      });
      assert(longestGapMs < 2500, `${longestGapMs} ms\n${stretched.logs()}`);
    },
  );

  await t.step("an address deleted by hand: repaired at once, and the routes with it", async () => {
    await hub.host.ip(`addr del ${HUB.tunnel}/32 dev wg0`);
    await until(
      "the address",
      async () =>
        (await hub.host.run(["ip", "addr", "show", "dev", "wg0"])).includes(`${HUB.tunnel}/32`),
    );
    await reaches(stretched, two.host, HUB.tunnel);
  });

  await t.step(
    "a peer removed by hand: repaired at the hub's next look, where it was",
    async () => {
      await pause(OBSERVED);
      const peers = await wg("show", "wg0", "endpoints");
      const { longestGapMs } = await traffic(async () => {
        const key = /^(\S+)\t203\.0\.113\.3:/m.exec(peers)![1]!;
        await wg("set", "wg0", "peer", key, "remove");
        await pause(OBSERVED + 2000);
      });
      assert(longestGapMs < OBSERVED + 1000, `${longestGapMs} ms\n${stretched.logs()}`);
      assertEquals(
        (await wg("show", "wg0", "endpoints")).split("\n").sort(),
        peers.split("\n").sort(),
      );
    },
  );

  await t.step("hub's key changes: the spokes follow in seconds", async () => {
    const key = await generatePrivateKey();
    await hub.process.stop("SIGTERM");
    await hub.host.writeFile("/var/lib/wg-kube/private.key", printPrivateKey(key));
    hub.process = await stretched.startHub(hub.host);
    await hub.process.waitForLine(/in step with the cluster/);
    const begin = performance.now();
    await reaches(stretched, two.host, "100.96.0.3");
    assert(performance.now() - begin < 15_000, stretched.logs());
    assertEquals(await wg("show", "wg0", "public-key"), key.publicKey);
  });

  await t.step(
    "what the hub says of itself is removed, then edited: back within seconds",
    async () => {
      const before = await stretched.published(HUB.node);
      const { hub: _, ...said } = before;
      for (const value of [null, "something else"]) {
        const names = Object.keys(said);
        await stretched.annotate(HUB.node, Object.fromEntries(names.map((name) => [name, value])));
        const begin = performance.now();
        await until(
          "the annotations",
          async () =>
            JSON.stringify(await stretched.published(HUB.node)) === JSON.stringify(before),
        );
        const took = performance.now() - begin;
        assert(took < 5000, `${took} ms\n${stretched.logs()}`);
      }
      await reaches(stretched, two.host, "100.96.0.3");
    },
  );

  await t.step(
    "no ExternalIP and no --endpoint: the hub says so, is not ready, and is when there is one",
    async () => {
      const addresses = (...externalIPs: string[]) =>
        setNodeStatus(stretched.admin, HUB.node, { internalIPs: [HUB.internal], externalIPs });
      const health = async () => await readHealth(hub.host, "/readyz?verbose");
      await addresses();
      await stretched.annotate(HUB.node, { endpoint: null });
      for (const moment of ["as it runs", "after a restart"]) {
        if (moment !== "as it runs") {
          await hub.process.stop("SIGTERM");
          hub.process = await stretched.startHub(hub.host);
        }
        await hub.process.waitForLine(/no ExternalIP on the node, and no --endpoint/);
        await until(`it is not ready, ${moment}`, async () => {
          const { status, text } = await health() ?? {};
          return status === 503 && text!.includes("[-]published: no ExternalIP on the node");
        });
      }
      await reaches(stretched, two.host, "100.96.0.3"); // by the hub that the spokes know
      await addresses(HUB.external);
      await until("it is ready", async () => (await health())?.status === 200);
      const { endpoint } = await stretched.published(HUB.node);
      assertEquals(endpoint, `${HUB.external}:51820`);
      assertEquals(hub.process.ended, false);
    },
  );

  await t.step("hub's endpoint changes: the spokes follow in seconds", async () => {
    const move = async (address: string) => {
      await setNodeStatus(stretched.admin, HUB.node, {
        internalIPs: [HUB.internal],
        externalIPs: [address],
      });
      const begin = performance.now();
      for (const spoke of [two, three]) {
        await until("the spoke's endpoint", async () => {
          const shown = await spoke.host.run(["wg", "show", "wg0", "endpoints"]);
          return shown.includes(`${address}:51820`);
        });
      }
      assert(performance.now() - begin < 15_000, stretched.logs());
      await reaches(stretched, two.host, "100.96.0.3");
    };
    await hub.host.ip("addr add 203.0.113.51/24 dev eth0");
    await move("203.0.113.51");
    await move(HUB.external);
    await hub.host.ip("addr del 203.0.113.51/24 dev eth0");
  });

  await t.step("a spoke's Node is deleted and created again: it is back in seconds", async () => {
    const address = "100.96.0.3";
    const hasPeer = async () => (await wg("show", "wg0", "allowed-ips")).includes(`${address}/32`);
    await deleteNode(stretched.admin, three.name);
    await until("it is no peer", async () => !await hasPeer());
    await createNode(stretched.admin, three.name, { internalIPs: [address] });
    const begin = performance.now();
    // The hub speaks first: the spoke itself finds out later that its session is nobody's.
    await reaches(stretched, hub.host, address);
    const took = performance.now() - begin;
    assert(took < 10_000, `${took} ms\n${stretched.logs()}`);
  });
}
