/** Both address families at once: in the tunnel, under it, and on Nodes of one family alone. */
import { assertEquals } from "@std/assert";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { eventually } from "../lab/eventually.ts";
import { HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

Deno.test("two address families: tunnel addresses of both, an IPv6 endpoint, an IPv6-only spoke", async (t) => {
  await using stretched = await StretchedCluster.create({
    hubArguments: {
      address: "100.96.0.1/32,fd64::1/128",
      "allowed-ips": "100.96.0.0/12,fd64::/64,172.16.0.0/16",
      endpoint: `[${HUB.external6}]:51820`,
    },
  });
  const hub = await stretched.addHub();
  await hub.process.waitForLine(/in step with the cluster/);
  const two = await stretched.addSpoke(2, {
    env: { WG_ADDRESS: "100.96.0.2/32,fd64::2/128" },
    internalIPs: ["100.96.0.2", "fd64::2"],
  });
  const three = await stretched.addSpoke(3, {
    env: { WG_ADDRESS: "fd64::3/128" },
    internalIPs: ["fd64::3"],
  });

  await t.step("spoke and hub reach each other by both", async () => {
    for (const address of ["100.96.0.1", "fd64::1", HUB.internal]) {
      await reaches(stretched, two.host, address);
    }
    for (const address of ["100.96.0.2", "fd64::2", "fd64::3"]) {
      await reaches(stretched, hub.host, address);
    }
  });

  await t.step("spokes reach each other through the hub by IPv6", async () => {
    await reaches(stretched, two.host, "fd64::3");
    await reaches(stretched, three.host, "fd64::2");
  });

  await t.step("the outer packets are IPv6, and both families are published", async () => {
    const endpoints = await two.host.run(["wg", "show", "wg0", "endpoints"]);
    assertEquals(endpoints.trim().split("\t")[1], `[${HUB.external6}]:51820`);
    const { "allowed-ips": asked } = await stretched.published("edge-2");
    assertEquals(asked, "100.96.0.2/32,fd64::2/128");
  });

  await t.step(
    "a Node that names no prefixes has those of its InternalIPs, of both families",
    async () => {
      const { publicKey } = await generatePrivateKey();
      await stretched.addNode("quiet", {
        internalIPs: ["100.96.0.9", "fd64::9"],
        labels: { "wireguard.kube/peer": "true" },
        annotations: { "wireguard.kube/public-key": publicKey },
      });
      await eventually("its prefixes", async () => {
        const shown = await hub.host.run(["wg", "show", "wg0", "allowed-ips"]);
        const [, prefixes] = shown.split("\n").find((line) => line.startsWith(publicKey))
          ?.split("\t") ?? [];
        return prefixes?.split(" ").toSorted().join() === "100.96.0.9/32,fd64::9/128" || undefined;
      }, () => stretched.logs());
    },
  );
});
