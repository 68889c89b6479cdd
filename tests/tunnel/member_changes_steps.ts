import { assertEquals, assertMatch } from "@std/assert";
import { deleteNode } from "../lab/create_node.ts";
import type { ClusterNode, MemberBench } from "../lab/member_bench.ts";
import type { Member } from "../lab/stretched_cluster.ts";
import { losesNothing } from "./loses_nothing.ts";

/** A cluster with two spokes and two members that reach each other. */
export interface MembersScene {
  readonly bench: MemberBench;
  readonly two: Member;
  /** In the hub's own subnet. */
  readonly a: ClusterNode;
  /** Behind the router. */
  readonly b: ClusterNode;
  /** Starts a node's member, and waits until it and the spokes reach each other. */
  readonly joins: (node: ClusterNode) => Promise<void>;
}

/** Members come, go, move and begin anew: whoever is not concerned loses nothing. */
export async function memberChangesSteps(
  t: Deno.TestContext,
  { bench, two, a, b, joins }: MembersScene,
): Promise<void> {
  const { hub, stretched } = bench;
  const traffic = { from: two.host, to: a.host, address: a.internalIPs[0], hub: hub.host };
  /** Runs something while a spoke sends to member A, neither of which it is about. */
  const toMember = (name: string, during: () => Promise<unknown>) =>
    losesNothing(name, traffic, during);
  const c = await bench.addNode("node-c", 1, 7);

  await t.step("a node joins and leaves: nobody else loses a packet", async () => {
    await toMember("a member joins and leaves", async () => {
      await joins(c);
      await c.process!.stop("SIGTERM");
      const down = await bench.runMember(c, ["down"]);
      assertEquals(await down.exitCode(), 0, down.output);
    });
    assertEquals(await stretched.published(c.name), {});
    assertEquals((await c.host.exec("ip", ["link", "show", "wg0"])).code, 1);
  });

  await t.step(
    "a member's prefixes that hold the hub are left out, and said; the rest works",
    async () => {
      await bench.startMember(c, { WG_TUNNEL_CIDRS: "100.96.0.0/12,172.16.0.0/12" });
      await c.process!.waitForLine(/172\.16\.0\.0\/12 holds 172\.16\.0\.4/);
      await bench.reaches(c.host, "100.96.0.3");
      await bench.reaches(c.host, "172.16.0.4");
    },
  );

  const label = (node: ClusterNode, value: string | null) =>
    stretched.admin.expect("PATCH", `/api/v1/nodes/${node.name}`, {
      metadata: { labels: { [`${stretched.prefix}member`]: value } },
    });

  await t.step(
    "a node that is to be no member takes all of it away, until it may be one again",
    async () => {
      await toMember("a node is to be no member", async () => {
        await label(c, "false");
        await bench.until("its tunnel is gone", async () => {
          return (await c.host.exec("ip", ["link", "show", "wg0"])).code === 1;
        });
      });
      await bench.until("its Node says nothing of it", async () => {
        return Object.keys(await stretched.published(c.name)).join() === "member";
      });
      await bench.reaches(hub.host, c.internalIPs[0]);
      await label(c, null);
      await bench.reaches(c.host, "100.96.0.3");
      await bench.reaches(two.host, c.internalIPs[0]);
    },
  );

  await t.step("a label that is taken off leaves the node to its own network alone", async () => {
    await c.process!.stop("SIGTERM");
    await toMember("a member's label is taken off", async () => {
      await label(c, null);
      await bench.until("the hub has no route to it", async () => {
        const routes = await hub.host.run(["ip", "route", "show", "table", "88"]);
        return !routes.includes(c.internalIPs[0]);
      });
    });
    for (const address of c.internalIPs) {
      const way = await hub.host.run(["ip", "route", "get", address]);
      assertMatch(way, /dev cluster0/);
      await bench.reaches(hub.host, address);
    }
  });

  await t.step(
    "a member's Node is deleted and created again: only its own packets are lost",
    async () => {
      await toMember("a member's Node is deleted", async () => {
        await deleteNode(stretched.admin, b.name);
        await bench.until("it has no route", async () => {
          const routes = await hub.host.run(["ip", "route", "show", "table", "88"]);
          return !routes.includes(b.internalIPs[0]);
        });
        await bench.reaches(hub.host, b.internalIPs[0]);
      });
      await b.process!.stop("SIGTERM"); // with its Node go its pods, and their tokens
      await stretched.addNode(b.name, { internalIPs: b.internalIPs });
      await joins(b);
    },
  );

  await t.step("a member's InternalIP changes: only its own packets are lost", async () => {
    await losesNothing(
      "a member's InternalIP changes",
      { ...traffic, movesMeanwhile: true },
      async () => {
        await bench.move(b, 1, 8);
        await bench.reaches(b.host, "100.96.0.3"); // by its packets the hub learns where it is
        await bench.reaches(two.host, "172.16.1.8");
      },
    );
    const route = await b.host.run(["ip", "route", "show", "100.96.0.0/12"]);
    assertMatch(route, /dev wg0 proto 87 scope link src 172\.16\.1\.8/);
  });

  await t.step("a member's program ends and begins again: no packet is lost", async () => {
    await toMember("a member is upgraded", async () => {
      assertEquals(await a.process!.stop("SIGTERM"), 0);
      await a.host.run(["ip", "route", "del", "fd64::/64", "dev", "wg0"]); // by its coming back it is seen
      await bench.startMember(a);
      await bench.until("the new program has settled", async () => {
        return (await a.host.run(["ip", "-6", "route", "show", "dev", "wg0"])).includes(
          "fd64::/64",
        );
      });
    });
  });

  await t.step("the hub's program ends and begins again: no packet is lost", async () => {
    await toMember("the hub is upgraded", async () => {
      assertEquals(await hub.process.stop("SIGTERM"), 0);
      hub.process = await stretched.startHub(hub.host);
      await hub.process.waitForLine(/in step with the cluster/);
    });
  });
}
