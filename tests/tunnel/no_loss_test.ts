/** Nothing that happens to other peers, or to the hub's process, costs a tunnel a packet. */
import { assertEquals, assertGreater } from "@std/assert";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { deleteNode } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { interfaceErrors } from "../lab/interface_errors.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic } from "../lab/traffic.ts";
import { reaches } from "./join_scenario.ts";

const GHOSTS = Array.from({ length: 20 }, (_, index) => index + 1);

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until the hub's interface shows what the test wants, by the eyes of wg(8). */
async function waitFor(
  stretched: StretchedCluster,
  host: LabHost,
  what: string,
  holds: (allowedIPs: string[]) => boolean,
): Promise<void> {
  await eventually(what, async () => {
    const shown = await host.run(["wg", "show", "wg0", "allowed-ips"]);
    return holds(shown.trim().split("\n")) || undefined;
  }, () => stretched.logs());
}

Deno.test("a tunnel loses no packet while other peers change and the hub is restarted", async (t) => {
  await using stretched = await StretchedCluster.create();
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");
  const shown = (what: string, holds: (allowedIPs: string[]) => boolean) =>
    waitFor(stretched, hub.host, what, holds);

  /** Runs something under 300 datagrams a second from spoke to spoke through the hub. */
  async function step(name: string, during: () => Promise<void>): Promise<void> {
    await t.step(name, async () => {
      const before = await interfaceErrors(hub.host, "wg0");
      const traffic = { from: two.host, to: three.host, address: "100.96.0.3" };
      const { sent, lost, duplicated, refused } = await measureTraffic(
        traffic,
        () => Promise.all([during(), pause(3000)]),
      );
      assertGreater(sent, 500);
      assertEquals({ lost, duplicated, refused }, { lost: 0, duplicated: 0, refused: 0 });
      assertEquals(await interfaceErrors(hub.host, "wg0"), before);
    });
  }

  await step("in a control run", () => pause(3000));

  await step("while 20 peers are added", async () => {
    for (const ghost of GHOSTS) {
      const { publicKey } = await generatePrivateKey();
      await stretched.addNode(`ghost-${ghost}`, {
        labels: { "wireguard.kube/peer": "true" },
        annotations: {
          "wireguard.kube/public-key": publicKey,
          "wireguard.kube/allowed-ips": `100.96.7.${ghost}/32,10.99.${ghost}.0/24`,
        },
      });
    }
    await shown("22 peers", (peers) => peers.length === 22);
  });

  await step("while 20 peers are changed", async () => {
    for (const ghost of GHOSTS) {
      await stretched.annotate(`ghost-${ghost}`, {
        "allowed-ips": `100.96.7.${ghost}/32,10.98.${ghost}.0/24`,
      });
    }
    await shown("the new prefixes alone", (peers) => {
      const text = peers.join("\n");
      return text.split("10.98.").length === 21 && !text.includes("10.99.");
    });
  });

  await step("while 20 peers are removed", async () => {
    for (const ghost of GHOSTS) await deleteNode(stretched.admin, `ghost-${ghost}`);
    await shown("2 peers", (peers) => peers.length === 2);
  });

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    await step(`while the hub is ended by ${signal} and started again`, async () => {
      const key = await hub.host.run(["wg", "show", "wg0", "public-key"]);
      await hub.process.stop(signal);
      hub.process = await stretched.startHub(hub.host);
      await hub.process.waitForLine(/in step with the cluster/);
      assertEquals(await hub.host.run(["wg", "show", "wg0", "public-key"]), key);
    });
  }

  await step("while the spoke that receives is killed and started again", async () => {
    await three.process.stop("SIGKILL");
    three.process = stretched.startSpoke(three.host, 3);
    await pause(5000);
  });
});
