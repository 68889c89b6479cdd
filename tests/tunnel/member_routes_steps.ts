import { assertEquals, assertMatch } from "@std/assert";
import { type ClusterNode, type MemberBench, TUNNEL_CIDRS } from "../lab/member_bench.ts";
import { seenSources } from "../lab/seen_sources.ts";
import type { Member } from "../lab/stretched_cluster.ts";
import { vpcAddresses } from "../lab/vpc.ts";

/** A network of pods by the spoke that has them, for native routing. */
export const POD_NETWORKS = "10.246.0.0/16";
export const podNetwork = (number: number) => `10.246.${number}.0/24`;

/**
 * Has a member hand on what comes to one of its ports, as a NodePort does, to a pod by a device, and
 * another node ask there.
 *
 * @returns as {@linkcode seenSources}: the source that the spoke's pod sees.
 */
export async function seenByPort(
  { member: { host, internalIPs: [own] }, port, pod, device }: {
    readonly member: ClusterNode;
    readonly port: number;
    readonly pod: string;
    readonly device: string;
  },
  { from, spoke }: { readonly from: ClusterNode; readonly spoke: Member },
): ReturnType<typeof seenSources> {
  const to = `oifname "${device}" ip daddr ${pod} masquerade`;
  const rules = `table ip nodeport {
    chain pre { type nat hook prerouting priority -100; udp dport ${port} dnat to ${pod}:9200; }
    chain post { type nat hook postrouting priority 100; ${to}; }
  }`;
  await host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  await host.run(["nft", "-f", "-"], { stdin: rules });
  const at = `${own}:${port}`;
  const seen = await seenSources([{ host: spoke.host, addresses: [pod] }], { from: from.host, at });
  await host.run(["nft", "delete", "table", "ip", "nodeport"]);
  return seen;
}

/** Routes beside those of a plain member: to pods of spokes, and the cloud's own. */
export async function memberRoutesSteps(
  t: Deno.TestContext,
  { bench, two, a, b }: {
    readonly bench: MemberBench;
    readonly two: Member;
    readonly a: ClusterNode;
    readonly b: ClusterNode;
  },
): Promise<void> {
  await t.step(
    "with native routing a port of a member leads to a pod of a spoke, too, and back",
    async () => {
      const pod = podNetwork(2).replace("0/24", "1");
      await two.host.ip(
        "link add pods0 type dummy",
        `addr add ${pod}/32 dev pods0`,
        "link set pods0 up",
      );
      await b.process!.stop("SIGTERM");
      await bench.startMember(b, { WG_TUNNEL_CIDRS: `${TUNNEL_CIDRS},${POD_NETWORKS}` });
      await bench.reaches(b.host, pod);
      const way = { member: b, port: 30081, pod, device: "wg0" };
      const [own] = b.internalIPs;
      const seen = await seenByPort(way, { from: a, spoke: two });
      assertEquals(seen, { "node-a": { [`${own}:30081`]: own } });
    },
  );

  await t.step(
    "beside members a node that is none reaches spokes by the cloud's route table",
    async () => {
      const { stretched, vpc } = bench;
      const d = await bench.addNode("node-d", 1, 9);
      await stretched.admin.expect("PATCH", `/api/v1/nodes/${d.name}`, {
        metadata: { labels: { [`${stretched.prefix}member`]: "false" } },
      });
      await vpc.leadTo(TUNNEL_CIDRS.split(","), vpcAddresses(0, 4));
      const spoke = { host: two.host, addresses: ["100.96.0.2", "fd64::2"] };
      for (const { host, internalIPs: [ipv4, ipv6] } of [d, b]) {
        const node = { host, addresses: [ipv4, ipv6] };
        assertEquals(await seenSources([node, spoke]), {
          [host.name]: { "100.96.0.2": ipv4, "fd64::2": ipv6 },
          [two.host.name]: { [ipv4]: "100.96.0.2", [ipv6]: "fd64::2" },
        });
      }
      assertMatch(await d.host.run(["ip", "route", "get", "100.96.0.2"]), /dev eth0/);
      assertMatch(await b.host.run(["ip", "route", "get", "100.96.0.2"]), /dev wg0/);
    },
  );
}
