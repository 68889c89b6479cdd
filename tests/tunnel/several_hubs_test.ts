/** Two hubs of a cluster: one is the active one, for everybody, and both directions meet in it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { progress } from "../lab/command.ts";
import { createNode, deleteNode, setNodeStatus } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { pause } from "../lab/pause.ts";
import { readHealth } from "../lab/read_health.ts";
import { HUB, type Member, SECOND_HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic } from "../lab/traffic.ts";
import { reaches } from "./join_scenario.ts";

/** Pings a second; and the bound of what a move may cost: WireGuard repeats a lost handshake after 5 s. */
const RATE = 20;
const BOUND = 7 * RATE;

/** Where the routes lead that the hub has made, as ip(8) shows them. */
async function routesOf({ host }: Member): Promise<string[]> {
  const shown = await host.run(["ip", "route", "show", "proto", "87"]);
  return shown.trim().split("\n").filter(Boolean).map((line) => line.split(" ")[0]!).sort();
}

/** What wg(8) shows of the interface; nothing while there is none. */
const shownByWg = async ({ host }: Member, what: string) =>
  (await host.exec("wg", ["show", "wg0", what])).stdout.trim();

Deno.test("two hubs: everybody uses the same one, and moves to the other when it must", async (t) => {
  await using stretched = await StretchedCluster.create();
  const first = await stretched.addHub(HUB);
  const second = await stretched.addHub(SECOND_HUB);
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  const internal = new Map([[first, HUB.internal], [second, SECOND_HUB.internal]]);
  const until = (what: string, ask: () => Promise<boolean>) =>
    eventually(what, async () => await ask() || undefined, () => stretched.logs());

  /** Waits until all of the traffic, of both directions, goes by that hub. */
  async function everybodyUses(active: Member): Promise<void> {
    const key = await shownByWg(active, "public-key");
    for (const spoke of [two, three]) {
      await until(
        `${spoke.name} uses ${active.name}`,
        async () => await shownByWg(spoke, "peers") === key,
      );
      await reaches(stretched, active.host, `100.96.0.${spoke.name.slice(-1)}`);
      await reaches(stretched, spoke.host, internal.get(active)!);
    }
    await reaches(stretched, two.host, "100.96.0.3");
    await reaches(stretched, three.host, "100.96.0.2");
    assertEquals(await routesOf(active), ["100.96.0.2", "100.96.0.3"]);
  }

  const standsBy = (hub: Member) =>
    until(`${hub.name} has no routes`, async () => (await routesOf(hub)).length === 0);

  /** Has one spoke ping the other meanwhile, and tells what that has seen. */
  async function moves(name: string, change: () => Promise<unknown>, to: Member): Promise<void> {
    await t.step(name, async () => {
      await using ping = two.host.spawn("ping", ["-i", `${1 / RATE}`, "100.96.0.3"]);
      await ping.waitForLine(/bytes from/);
      await change();
      await everybodyUses(to);
      await pause(500);
      await ping.stop("SIGINT");
      const [, sent, received] = await ping.waitForLine(
        /(\d+) packets transmitted, (\d+) received/,
      );
      const lost = Number(sent) - Number(received);
      progress(`${name}: ${lost} of ${sent} pings lost, ${RATE} a second`);
      assert(lost < BOUND, `${lost} of ${sent} lost\n${stretched.logs()}`);
    });
  }

  const label = (value: string | null) =>
    stretched.admin.expect("PATCH", `/api/v1/nodes/${HUB.node}`, {
      metadata: { labels: { [`${stretched.prefix}hub`]: value } },
    });

  await t.step(
    "the older one is the active one, the other stands by with all peers and no routes",
    async () => {
      await everybodyUses(first);
      await until(
        "the second hub has both peers",
        async () => (await shownByWg(second, "peers")).split("\n").length === 2,
      );
      assertEquals(await routesOf(second), []);
      const { stdout } = await second.host.exec("ip", ["route", "get", "100.96.0.2"]);
      assert(!stdout.includes("wg0"), stdout);
    },
  );

  await t.step(
    "that there are two is said in both logs and by an Event on both Nodes",
    async () => {
      const text = /several nodes are labelled as hub: hub-1 is the active one, hub-2 stand by/;
      for (const { name, process } of [first, second]) {
        await process.waitForLine(text);
        await until(`an Event on ${name}`, async () => {
          const path = "/apis/events.k8s.io/v1/namespaces/default/events";
          const { items } = await stretched.admin.expect("GET", path) as {
            items: { reason: string; note: string; regarding: { name: string } }[];
          };
          return items.some(({ reason, note, regarding }) =>
            reason === "SeveralHubs" && regarding.name === name && text.test(note)
          );
        });
      }
    },
  );

  await moves(
    "active hub's Node not Ready: everyone moves to the next hub, both directions",
    () => setNodeStatus(stretched.admin, HUB.node, { ready: false }),
    second,
  );

  await t.step("the hub that was the active one has no routes a few seconds later", async () => {
    await standsBy(first);
  });

  await moves(
    "active hub's Node Ready again: everyone moves back",
    () => setNodeStatus(stretched.admin, HUB.node, { ready: true }),
    first,
  );

  await t.step(
    "rolling update: the new hub waits for the lock, the old one ends, no packet lost",
    async () => {
      const old = first.process;
      const { sent, lost } = await measureTraffic(
        { from: two.host, to: three.host, address: "100.96.0.3" },
        async () => {
          first.process = await stretched.startHub(first.host);
          await first.process.waitForLine(/another hub runs on this node/);
          await first.process.waitForLine(/answered by the hub that runs/);
          assertEquals((await readHealth(first.host, "/readyz"))?.status, 200);
          assertEquals(await old.stop("SIGTERM"), 0);
          await first.process.waitForLine(/in step with the cluster/);
          await until(
            "it is ready",
            async () => (await readHealth(first.host, "/readyz"))?.status === 200,
          );
        },
      );
      assert(sent > 500, `${sent}`);
      assertEquals(lost, 0);
      assertEquals(await routesOf(first), ["100.96.0.2", "100.96.0.3"]);
    },
  );

  await moves(
    "active hub's label removed: everyone moves to the next hub, both directions",
    () => label(null),
    second,
  );

  await moves("active hub labelled again: everyone moves back", () => label("true"), first);

  await moves(
    "active hub's Node deleted: everyone moves to the next hub, both directions",
    () => deleteNode(stretched.admin, HUB.node),
    second,
  );

  await t.step("a hub's Node that is created again is the younger one: it stands by", async () => {
    await createNode(stretched.admin, HUB.node, {
      internalIPs: [HUB.internal],
      externalIPs: [HUB.external],
      labels: { [`${stretched.prefix}hub`]: "true" },
    });
    await hubCredentials(stretched.cluster, HUB.node); // the token of the Node that was is void
    await until(
      "it publishes itself",
      async () => Object.keys(await stretched.published(HUB.node)).length === 4,
    );
    await standsBy(first);
    await everybodyUses(second);
    assertMatch(second.process.output, /hub-2 is the active one, hub-1 stand by/);
  });
});
