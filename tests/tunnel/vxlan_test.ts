/** What a CNI puts on top: VXLAN between tunnel addresses, with packets of full size. */
import { assertEquals } from "@std/assert";
import type { LabHost } from "../lab/lab_host.ts";
import { StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

/** 1500 of the underlay, less 80 of WireGuard, less 50 of VXLAN; and what ICMP fills of it. */
const INNER_MTU = 1370;
const FULL_SIZE = INNER_MTU - 28;

/** The overlay's device as Cilium makes it: over the tunnel address, for pods 10.244.N.0/24. */
async function addOverlay(host: LabHost, number: number, others: readonly number[]): Promise<void> {
  const mac = (one: number) => `02:00:00:00:07:0${one}`;
  await host.ip(
    `link add vx0 address ${
      mac(number)
    } mtu ${INNER_MTU} type vxlan id 7 local 100.96.0.${number} dstport 8472`,
    `addr add 10.244.${number}.1/32 dev vx0`,
    "link set vx0 up",
    ...others.flatMap((other) => [
      `route add 10.244.${other}.0/24 dev vx0 src 10.244.${number}.1`,
      `neigh add 10.244.${other}.1 lladdr ${mac(other)} dev vx0`,
    ]),
  );
  for (const other of others) {
    const entry = ["fdb", "append", mac(other), "dev", "vx0", "dst", `100.96.0.${other}`];
    await host.run(["bridge", ...entry]);
  }
}

Deno.test("VXLAN over the tunnel carries packets of full size between hub and spokes", async (t) => {
  await using stretched = await StretchedCluster.create();
  const hub = await stretched.addHub();
  await hub.process.waitForLine(/in step with the cluster/);
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");
  await reaches(stretched, two.host, "100.96.0.1");
  const hosts = [[hub.host, 1], [two.host, 2], [three.host, 3]] as const;
  for (const [host, number] of hosts) {
    await addOverlay(host, number, [1, 2, 3].filter((other) => other !== number));
  }

  for (const [from, to] of [[two, 1], [two, 3], [three, 1], [hub, 2]] as const) {
    await t.step(
      `${from.name} reaches a pod's address on ${to} with full-size packets`,
      async () => {
        const size = ["-M", "do", "-s", String(FULL_SIZE), "-c", "3", "-i", "0.2", "-W", "2"];
        const { code, stdout } = await from.host.exec("ping", [...size, `10.244.${to}.1`]);
        assertEquals(code, 0, stdout);
      },
    );
  }

  await t.step("a packet that is one byte too large is refused where it is sent", async () => {
    const size = ["-M", "do", "-s", String(FULL_SIZE + 1), "-c", "1", "-W", "1"];
    const { code } = await two.host.exec("ping", [...size, "10.244.3.1"]);
    assertEquals(code, 1);
  });
});
