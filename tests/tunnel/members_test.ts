/** Members: each machine of the cluster reaches each spoke, in a cloud that drops foreign sources. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { setNodeStatus } from "../lab/create_node.ts";
import { type ClusterNode, MemberBench } from "../lab/member_bench.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { type Reached, seenSources } from "../lab/seen_sources.ts";
import { HUB } from "../lab/stretched_cluster.ts";
import { addVxlan, FULL_SIZE } from "../lab/vxlan.ts";
import { losesNothing } from "./loses_nothing.ts";
import { memberChangesSteps } from "./member_changes_steps.ts";
import { memberRoutesSteps, podNetwork, seenByPort } from "./member_routes_steps.ts";

const HUB_ADDRESSES = ["172.16.0.4", "fd16::4", "100.96.0.1", "fd64::1"];
const ofSpoke = (number: number) => [`100.96.0.${number}`, `fd64::${number}`];
/** What ICMP fills of the tunnel's MTU. */
const TUNNEL_SIZE = 1420 - 28;

/** How many of five pings are answered. */
async function answered(from: LabHost, address: string): Promise<number> {
  const { stdout } = await from.exec("ping", ["-c", "5", "-i", "0.2", "-W", "1", address]);
  return Number(/(\d+) received/.exec(stdout)?.[1]);
}

/** Pings that fill a packet, which may not be split. */
async function fills(from: LabHost, address: string, size: number): Promise<void> {
  const args = ["-M", "do", "-s", `${size}`, "-c", "3", "-i", "0.2", "-W", "2", address];
  const { code, stdout } = await from.exec("ping", args);
  assertEquals(code, 0, `${from.name} to ${address}: ${stdout}`);
}

/** The address of a machine that others see, by the one that they are reached at. */
function sourceFor(own: readonly string[], address: string, hubTunnel: readonly string[]): string {
  const isTunnel = address.startsWith("100.96.") || address.startsWith("fd64:");
  const candidates = hubTunnel.length > 0 && isTunnel ? hubTunnel : own;
  return candidates.find((one) => one.includes(":") === address.includes(":"))!;
}

Deno.test("members: hub, cluster nodes and spokes reach each other", async (t) => {
  await using bench = await MemberBench.create();
  const { hub, stretched } = bench;
  const two = await bench.addSpoke(2, podNetwork(2));
  const three = await bench.addSpoke(3);
  const a = await bench.addNode("node-a", 0, 6); // in the hub's own subnet
  const b = await bench.addNode("node-b", 1, 6); // behind the router
  await bench.reaches(two.host, "100.96.0.3");
  await bench.reaches(two.host, "172.16.0.4");

  /** Runs something while spoke 2 sends to spoke 3, neither of which it is about. */
  const beside = (name: string, during: () => Promise<unknown>) =>
    losesNothing(
      name,
      { from: two.host, to: three.host, address: "100.96.0.3", hub: hub.host },
      during,
    );
  const joins = async (node: ClusterNode) => {
    await bench.startMember(node);
    const handshakes = async () =>
      (await node.host.exec("wg", ["show", "wg0", "latest-handshakes"])).stdout;
    await bench.until(`${node.name} knows the hub`, async () => /\t/.test(await handshakes()));
    await bench.until(
      `${node.name} has shaken hands with the hub`,
      async () => /\t[1-9]/.test(await handshakes()),
    );
    await bench.reaches(node.host, "100.96.0.2");
    await bench.reaches(two.host, node.internalIPs[0]);
  };

  await t.step("without members nothing passes between cluster nodes and spokes", async () => {
    await bench.reaches(hub.host, "172.16.1.6");
    for (const node of [a, b]) {
      assertEquals(await answered(node.host, "100.96.0.2"), 0, node.name);
      assertEquals(await answered(two.host, node.internalIPs[0]), 0, node.name);
    }
  });

  await t.step("switching members on in a cluster that has spokes loses no packet", async () => {
    await beside("members are switched on", () => Promise.all([joins(a), joins(b)]));
  });

  const machines: Reached[] = [
    { host: hub.host, addresses: HUB_ADDRESSES },
    ...[a, b].map(({ host, internalIPs }) => ({ host, addresses: internalIPs })),
    { host: two.host, addresses: ofSpoke(2) },
    { host: three.host, addresses: ofSpoke(3) },
  ];
  /** Who each machine should be seen as, at each address of each other. */
  const expected = Object.fromEntries(machines.map(({ host, addresses }) => {
    const hubTunnel = host === hub.host ? HUB_ADDRESSES.slice(2) : [];
    const others = machines.filter((other) => other.host !== host)
      .flatMap((other) => other.addresses);
    return [
      host.name,
      Object.fromEntries(others.map((to) => [to, sourceFor(addresses, to, hubTunnel)])),
    ];
  }));

  await t.step("each reaches each other, by both families, and sources are kept", async () => {
    assertEquals(await seenSources(machines), expected, bench.logs());
  });

  await t.step("the same where rp_filter is strict on the hub's end of the tunnel", async () => {
    await hub.host.run(["sysctl", "-qw", "net.ipv4.conf.wg0.rp_filter=1"]);
    assertEquals(await seenSources(machines), expected, bench.logs());
    await hub.host.run(["sysctl", "-qw", "net.ipv4.conf.wg0.rp_filter=0"]);
  });

  await t.step("the hub itself reaches members by its own network", async () => {
    for (const address of [...a.internalIPs, ...b.internalIPs]) {
      const way = await hub.host.run(["ip", "route", "get", address]);
      assertMatch(way, /dev cluster0/);
    }
  });

  await t.step(
    "members find the hub at its InternalIP, and have no address in the tunnel",
    async () => {
      for (const { host } of [a, b]) {
        const endpoints = await host.run(["wg", "show", "wg0", "endpoints"]);
        assertEquals(endpoints.trim().split("\t")[1], "172.16.0.4:51820");
        const [link] = JSON.parse(await host.run(["ip", "-j", "addr", "show", "wg0"])) as [
          { readonly mtu: number; readonly addr_info: readonly unknown[] },
        ];
        assertEquals([link.mtu, link.addr_info], [1420, []]);
      }
      assertEquals(await stretched.published(b.name).then(({ "public-key": _, ...rest }) => rest), {
        peer: "true",
        member: "true",
        "allowed-ips": b.internalIPs.map((one) => `${one}/${one.includes(":") ? 128 : 32}`).join(
          ",",
        ),
      });
    },
  );

  await t.step("packets of full size pass between members and spokes", async () => {
    for (const node of [a, b]) {
      await fills(node.host, "100.96.0.2", TUNNEL_SIZE);
      await fills(three.host, node.internalIPs[0], TUNNEL_SIZE);
    }
  });

  await t.step("VXLAN between all of them carries packets of full size", async () => {
    const ends = [
      { host: hub.host, number: 1, local: "172.16.0.4" },
      { host: two.host, number: 2, local: "100.96.0.2" },
      { host: three.host, number: 3, local: "100.96.0.3" },
      { host: a.host, number: 4, local: a.internalIPs[0] },
      { host: b.host, number: 5, local: b.internalIPs[0] },
    ];
    await addVxlan(ends);
    for (const from of ends) {
      for (const to of ends) {
        if (from.number !== to.number) await fills(from.host, `10.244.${to.number}.1`, FULL_SIZE);
      }
    }
  });

  await t.step(
    "traffic to a port of a member is handed on to a pod of a spoke, and back",
    async () => {
      const way = { member: b, port: 30080, pod: "10.244.2.1", device: "vx0" };
      const seen = await seenByPort(way, { from: a, spoke: two });
      assertEquals(seen, { "node-a": { [`${b.internalIPs[0]}:30080`]: "10.244.5.1" } });
    },
  );

  await memberRoutesSteps(t, { bench, two, a, b });
  await memberChangesSteps(t, { bench, two, a, b, joins });

  await t.step("rules and routes that somebody takes away are put back", async () => {
    await hub.host.run(["ip", "rule", "del", "pref", "32762", "iif", "wg0"]);
    await bench.reaches(two.host, a.internalIPs[0]);
    await hub.host.run(["ip", "route", "flush", "table", "88"]);
    await bench.reaches(two.host, a.internalIPs[0]);
    await a.host.run(["ip", "route", "del", "100.96.0.0/12"]);
    await bench.reaches(a.host, "100.96.0.3");
  });

  await t.step(
    "status and doctor of a member and of its hub find nothing wrong with that",
    async () => {
      const status = await bench.runMember(a, ["status"]);
      assertEquals(await status.exitCode(), 0, status.output);
      assertMatch(status.output, /registered/);
      for (
        const doctor of [
          await bench.runMember(a, ["doctor"]),
          await stretched.startHub(hub.host, ["doctor"]),
        ]
      ) {
        await doctor.exitCode();
        const faults = doctor.output.split("\n").filter((line) => /^\W*(failed|FAILED)/.test(line));
        assertEquals(faults, [], doctor.output);
      }
    },
  );

  await t.step("when another hub becomes the active one, members follow", async () => {
    const second = await bench.addSecondHub();
    const setReady = (ready: boolean) => setNodeStatus(stretched.admin, HUB.node, { ready });
    const everybody = async () => {
      for (const node of [a, b]) {
        await bench.reaches(node.host, "100.96.0.2");
        await bench.reaches(three.host, node.internalIPs[0]);
      }
    };
    for (const [ready, active, other] of [[false, second, hub], [true, hub, second]] as const) {
      await setReady(ready);
      await bench.until(`${active.name} has the routes to members`, async () => {
        const table = ["ip", "route", "show", "table", "88"];
        const { stdout } = await other.host.exec("ip", table.slice(1));
        return (await active.host.run(table)).includes("172.16.1.8") && stdout.trim() === "";
      });
      await everybody();
    }
  });

  await t.step("with the hub go its rules and its table", async () => {
    await hub.process.stop("SIGTERM");
    const down = await stretched.startHub(hub.host, ["down"]);
    await down.exitCode();
    const rules = await hub.host.run(["ip", "rule"]) + await hub.host.run(["ip", "-6", "rule"]);
    assert(!rules.includes("32762"), rules);
    const { stdout } = await hub.host.exec("ip", ["route", "show", "table", "88"]);
    assertEquals(stdout, "");
    await bench.reaches(hub.host, "172.16.1.8");
  });
});
