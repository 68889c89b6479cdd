import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { eventually } from "../lab/eventually.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { pause } from "../lab/pause.ts";
import { bundleOf, HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic, type TrafficResult } from "../lab/traffic.ts";
import { hubChangesSteps, OBSERVED } from "./hub_changes_steps.ts";
import { reaches } from "./join_scenario.ts";

/**
 * What a hub bears: its interface edited under it, its label taken away, a second hub, an upgrade;
 * with packets from spoke to spoke through it.
 */
export async function hubLifecycleScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
): Promise<void> {
  await using stretched = await StretchedCluster.create({ contained: kind === "kernel" });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");
  await pause(OBSERVED);

  const traffic = (during: () => Promise<unknown>): Promise<TrafficResult> =>
    measureTraffic({ from: two.host, to: three.host, address: "100.96.0.3" }, during);
  const wg = async (...args: string[]) => (await hub.host.run(["wg", ...args])).trim();
  const until = (what: string, ask: () => Promise<boolean>) =>
    eventually(what, async () => await ask() || undefined, () => stretched.logs());
  const label = (value: string | null) =>
    stretched.admin.expect("PATCH", `/api/v1/nodes/${HUB.node}`, {
      metadata: { labels: { [`${stretched.prefix}hub`]: value } },
    });
  const isGone = async () => (await hub.host.exec("ip", ["link", "show", "wg0"])).code !== 0;

  await hubChangesSteps(t, { stretched, hub, two, three, traffic, wg, until });

  await t.step(
    "an endpoint inside the tunnel's network is written over; without an annotation it is said",
    async () => {
      const key = (await stretched.published(three.name))["public-key"]!;
      /** Again and again, as the spoke's own packets mend it, too. */
      const strayUntil = (line: RegExp) =>
        until(`the hub says ${line}`, async () => {
          await wg("set", "wg0", "peer", key, "endpoint", `${HUB.tunnel}:9`);
          await pause(300);
          return line.test(hub.process.output);
        });
      await stretched.annotate(three.name, { endpoint: "203.0.113.3:51820" });
      await strayUntil(/peer changed .*node=edge-3 .*endpoint=203\.0\.113\.3:51820/);
      await stretched.annotate(three.name, { endpoint: null });
      await strayUntil(/refused .*node=edge-3 .*is where its packets come from/);
      await reaches(stretched, three.host, HUB.tunnel); // learned again from its packets
      await reaches(stretched, two.host, "100.96.0.3");
    },
  );

  await t.step(
    "a second hub on the node waits, and takes over when the first is killed",
    async () => {
      const second = await stretched.startHub(hub.host);
      await second.waitForLine(/another hub runs on this node/);
      const waiting = await stretched.startHub(hub.host);
      await waiting.waitForLine(/another hub runs on this node/);
      const begin = Date.now();
      assertEquals(await waiting.stop("SIGTERM"), 0);
      assert(Date.now() - begin < 2000);
      const { lost } = await traffic(async () => {
        await hub.process.stop("SIGKILL");
        await second.waitForLine(/in step with the cluster/);
      });
      assertEquals(lost, 0);
      hub.process = second;
    },
  );

  if (kind === "kernel") {
    await t.step("the key of a read-only Secret is the hub's, and no packet is lost", async () => {
      const key = await wg("show", "wg0", "public-key");
      await hub.host.run([
        "sh",
        "-ec",
        [ // As the kubelet mounts it.
          "mkdir -p /run/secret/..2026 && cd /run/secret",
          "install -m 644 /var/lib/wg-kube/private.key ..2026/private.key",
          "ln -s ..2026 ..data && ln -s ..data/private.key private.key",
        ].join("\n"),
      ]);
      const { lost } = await traffic(async () => {
        await hub.process.stop("SIGTERM");
        hub.process = await stretched.startHub(hub.host, [], {
          flags: { "private-key-file": "/etc/wireguard-key/private.key" },
          mounts: [{ source: "/run/secret", target: "/etc/wireguard-key" }],
        });
        await hub.process.waitForLine(/in step with the cluster/);
        await hub.process.stop("SIGTERM");
        hub.process = await stretched.startHub(hub.host);
        await hub.process.waitForLine(/in step with the cluster/);
      });
      assertEquals([lost, await wg("show", "wg0", "public-key")], [0, key]);
    });
  }

  await t.step("with the label the hub goes away, and with it all that it made", async () => {
    await label(null);
    await until("wg0 is gone", isGone);
    await until(
      "the annotations are gone",
      async () => Object.keys(await stretched.published(HUB.node)).length === 0,
    );
    await hub.process.waitForLine(/an administrator must label this node/);
    assertEquals(hub.process.ended, false);
    await pause(2000);
    assertEquals([await isGone(), await stretched.published(HUB.node)], [true, {}]);
  });

  await t.step("with the label it comes back", async () => {
    await label("true");
    await until(
      "it publishes itself",
      async () => Object.keys(await stretched.published(HUB.node)).length === 4,
    );
    await reaches(stretched, two.host, "100.96.0.3");
  });

  await t.step(
    "a hub that is ended after its label was taken away leaves nothing behind",
    async () => {
      await hub.process.kill("SIGSTOP"); // so that its watch does not tell it first
      await label(null);
      await hub.process.kill("SIGTERM");
      await hub.process.kill("SIGCONT");
      assertEquals(await hub.process.exitCode(), 0);
      assertEquals([await isGone(), await stretched.published(HUB.node)], [true, {}]);
      await label("true");
    },
  );

  await t.step(
    "with a state folder that cannot be written the hub says so once, and works",
    async () => {
      await hub.host.run(["mount", "--bind", "/var/lib/wg-kube", "/var/lib/wg-kube"]);
      await hub.host.run(["mount", "-o", "remount,bind,ro", "/var/lib/wg-kube"]);
      const before = await hub.host.readFile("/var/lib/wg-kube/ledger.json");
      hub.process = await stretched.startHub(hub.host);
      await reaches(stretched, two.host, "100.96.0.3");
      await hub.process.waitForLine(/cannot lock/);
      const { publicKey } = await generatePrivateKey();
      await stretched.addNode("ghost", {
        labels: { [`${stretched.prefix}peer`]: "true" },
        annotations: {
          [`${stretched.prefix}public-key`]: publicKey,
          [`${stretched.prefix}allowed-ips`]: "10.99.0.0/24",
        },
      });
      await hub.process.waitForLine(/ledger.json cannot be written/);
      await stretched.annotate("ghost", { "allowed-ips": "10.98.0.0/24" });
      await until(
        "the new prefix",
        async () => (await wg("show", "wg0", "allowed-ips")).includes("10.98.0.0/24"),
      );
      await pause(1500);
      assertEquals(
        hub.process.output.split("ledger.json cannot be written").length,
        2,
        hub.process.output,
      );
      assertEquals(await hub.host.readFile("/var/lib/wg-kube/ledger.json"), before);
      assertEquals(await hub.process.stop("SIGTERM"), 0);
      await hub.host.run(["umount", "/var/lib/wg-kube"]);
      hub.process = await stretched.startHub(hub.host);
      await hub.process.waitForLine(/in step with the cluster/);
    },
  );

  const { kubeconfig } = await hubCredentials(stretched.cluster, HUB.node);
  const down = () =>
    hub.host.exec(Deno.execPath(), [
      ...runArguments("hub", bundleOf("hub")),
      "down",
      `--node-name=${HUB.node}`,
      `--annotation-prefix=${stretched.prefix}`,
      `--kubeconfig=${kubeconfig}`,
      "--private-key-file=/var/lib/wg-kube/private.key",
    ]);

  await t.step("hub down refuses to work beside a hub that runs", async () => {
    const { code, stderr } = await down();
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /a hub runs on this node .* kubectl label node hub-1 wireguard.kube\/hub-/);
    assertEquals(await isGone(), false);
  });

  await t.step(
    "hub down takes away the interface and the annotations, and again does no harm",
    async () => {
      assertEquals(await hub.process.stop("SIGTERM"), 0);
      assertEquals(await isGone(), false);
      for (const _ of ["first", "second"]) {
        const { code, stderr } = await down();
        assertEquals(code, 0, stderr);
        assertEquals([await isGone(), await stretched.published(HUB.node)], [true, {
          hub: "true",
        }]);
      }
    },
  );

  await t.step(
    "a wg0 made by hand with the key of our file is taken over without a packet lost",
    async () => {
      const spokes = await Promise.all([two, three].map(async ({ name, host }) => {
        const key = (await stretched.published(name))["public-key"]!;
        const number = host.name.slice(-1);
        return `wg set wg0 peer ${key} allowed-ips 100.96.0.${number}/32 ` +
          `endpoint 203.0.113.${number}:51820 && ip route add 100.96.0.${number}/32 dev wg0`;
      }));
      const made = kind === "kernel" ? "ip link add wg0 type wireguard" : "wireguard-go wg0";
      await hub.host.run([
        "sh",
        "-ec",
        [
          made,
          "wg set wg0 listen-port 51820 private-key /var/lib/wg-kube/private.key",
          `ip addr add ${HUB.tunnel}/32 dev wg0`,
          "ip link set wg0 mtu 1420 up",
          ...spokes,
        ].join("\n"),
      ], { env: { WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: "1" } });
      await reaches(stretched, two.host, "100.96.0.3");
      const { sent, lost } = await traffic(async () => {
        hub.process = await stretched.startHub(hub.host);
        await hub.process.waitForLine(/in step with the cluster/);
        await pause(1000);
      });
      assertGreater(sent, 300);
      assertEquals(lost, 0);
      assertMatch(await hub.host.run(["ip", "link", "show", "wg0"]), /alias wg-kube/);
      await until(
        "it publishes itself",
        async () => Object.keys(await stretched.published(HUB.node)).length === 4,
      );
    },
  );
}
