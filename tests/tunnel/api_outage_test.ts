/** The API server is away for a minute, or holds its tongue: nobody's packets need it. */
import { assert, assertLess } from "@std/assert";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { progress } from "../lab/command.ts";
import { eventually } from "../lab/eventually.ts";
import { pause } from "../lab/pause.ts";
import { StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";
import { losesNothing } from "./loses_nothing.ts";

const OUTAGE = 60_000;
const BLACK_HOLE = 20_000;
/** The bound of the hub's and the spokes' delays between two attempts, and what may come on top, in ms. */
const [BACKOFF, BEYOND] = [15_000, 2000];

Deno.test("0 packets lost while the API server is down for 60 s, or black-holed, by hub and spokes", async (t) => {
  await using stretched = await StretchedCluster.create();
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");
  const { publicKey } = await generatePrivateKey();
  await stretched.addNode("ghost", {
    labels: { [`${stretched.prefix}peer`]: "true" },
    annotations: {
      [`${stretched.prefix}public-key`]: publicKey,
      [`${stretched.prefix}allowed-ips`]: "10.98.0.0/24",
    },
  });
  const shown = (prefix: string) =>
    eventually(`the hub has ${prefix}`, async () => {
      const all = await hub.host.run(["wg", "show", "wg0", "allowed-ips"]);
      return all.includes(prefix) || undefined;
    }, () => stretched.logs());
  await shown("10.98.0.0/24");
  const start = await stretched.hubStarter(hub.host);
  const through = { hub: hub.host, from: two.host, to: three.host, address: "100.96.0.3" };
  const step = (name: string, during: () => Promise<unknown>) =>
    t.step(name, () => losesNothing(name, through, during));

  /** That hub and spokes follow again, from the moment at which the API server could be asked. */
  async function isBackInStep(what: string, since: number, prefix: string): Promise<void> {
    await stretched.annotate("ghost", { "allowed-ips": prefix });
    await stretched.annotate(three.name, { "allowed-ips": null });
    await Promise.all([
      shown(prefix),
      eventually("the spoke has put its annotation back", async () => {
        return (await stretched.published(three.name))["allowed-ips"];
      }, () => stretched.logs()),
    ]);
    const took = Math.round(performance.now() - since);
    progress(`figure: ${what}: back in step after ${took} ms`);
    assertLess(took, BACKOFF + BEYOND, stretched.logs());
  }

  /** The hub and the spoke that receives are killed and started again while nobody answers them. */
  async function restartAll(): Promise<void> {
    await hub.process.stop("SIGKILL");
    hub.process = await start();
    await three.process.stop("SIGKILL");
    three.process = stretched.startSpoke(three.host, 3);
  }

  await step("a control run", () => pause(3000));

  await step("API down for 60 s, and hub and spoke killed and restarted meanwhile", async () => {
    await stretched.cluster.stopApiServer("KILL");
    try {
      await Promise.all([restartAll(), pause(OUTAGE)]);
      const peers = await hub.host.run(["wg", "show", "wg0", "allowed-ips"]);
      assert(peers.includes("10.98.0.0/24"), "nothing is removed before a full list");
    } finally {
      await stretched.cluster.startApiServer();
    }
    await isBackInStep("API down", performance.now(), "10.99.0.0/24");
  });

  await step(
    "API black-holed: it accepts and never answers, and hub and spoke are killed",
    async () => {
      await stretched.cluster.stopApiServer("STOP");
      await Promise.all([restartAll(), pause(BLACK_HOLE)]);
      await stretched.cluster.stopApiServer("CONT");
      await isBackInStep("API black-holed", performance.now(), "10.97.0.0/24");
    },
  );
});
