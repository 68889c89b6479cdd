/** Figures: what a tunnel loses while much happens to others, beside a control run. */
import { assertEquals } from "@std/assert";
import { generatePrivateKey, type PublicKey } from "../../lib/wireguard/key.ts";
import { deleteNode } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { HubBench } from "../lab/hub_bench.ts";
import { pause } from "../lab/pause.ts";
import { StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";
import { losesNothing } from "./loses_nothing.ts";

/** Each is added, changed twice and removed. */
const GHOSTS = Array.from({ length: 250 }, (_, at) => `ghost-${at}`);
const RESTARTS = 100;
/** How many requests of the test are under way at a time. */
const AT_ONCE = 4;

/** Does something with each, a few at a time. */
async function withEach<T>(items: readonly T[], act: (item: T, at: number) => Promise<void>) {
  const entries = items.entries();
  const worker = async () => {
    for (const [at, item] of entries) await act(item, at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

Deno.test("0 packets lost in 1,000 peer changes by the API server", async (t) => {
  await using stretched = await StretchedCluster.create({ hubArguments: { "log-level": "debug" } });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");
  const through = { hub: hub.host, from: two.host, to: three.host, address: "100.96.0.3" };
  const step = (name: string, during: () => Promise<unknown>) =>
    t.step(name, () => losesNothing(name, through, during));
  const prefixes = (at: number, second: number) => `10.${second}.${at}.0/24,10.97.${at}.0/24`;
  /** Waits until the hub has so many peers with a prefix of that beginning. */
  const shown = (text: string, count: number) =>
    eventually(`${count} prefixes ${text}`, async () => {
      const all = await hub.host.run(["wg", "show", "wg0", "allowed-ips"]);
      return all.split(text).length - 1 === count || undefined;
    }, () => stretched.logs());
  const change = (second: number) =>
    withEach(
      GHOSTS,
      (name, at) => stretched.annotate(name, { "allowed-ips": prefixes(at, second) }),
    );

  await step("a control run", () => pause(3000));

  await step("1,000 changes", async () => {
    const keys = await Promise.all(GHOSTS.map(generatePrivateKey));
    const before = hub.process.output.length;
    await withEach(GHOSTS, (name, at) =>
      stretched.addNode(name, {
        labels: { [`${stretched.prefix}peer`]: "true" },
        annotations: {
          [`${stretched.prefix}public-key`]: keys[at]!.publicKey,
          [`${stretched.prefix}allowed-ips`]: prefixes(at, 98),
        },
      }));
    await shown("10.98.", GHOSTS.length);
    for (const [second, first] of [[99, 98], [98, 99]] as const) {
      await change(second);
      await shown(`10.${second}.`, GHOSTS.length);
      await shown(`10.${first}.`, 0);
    }
    await withEach(GHOSTS, (name) => deleteNode(stretched.admin, name));
    await shown("10.97.", 0);
    // Every one of them was told to the interface by itself.
    const said = hub.process.output.slice(before);
    const count = (what: string) => said.split(`peer ${what} `).length - 1;
    assertEquals([count("added"), count("changed"), count("removed")], [250, 500, 250]);
  });

  await step("an upgrade of the hub: ended by SIGTERM, another started", async () => {
    const key = await hub.host.run(["wg", "show", "wg0", "public-key"]);
    await hub.process.stop("SIGTERM");
    hub.process = await stretched.startHub(hub.host);
    await hub.process.waitForLine(/in step with the cluster/);
    assertEquals(await hub.host.run(["wg", "show", "wg0", "public-key"]), key);
  });
});

Deno.test("0 packets lost in 100 restarts of the hub by SIGKILL, and in the drift of another peer", async (t) => {
  await using bench = await HubBench.create();
  const two = await bench.addPeer(231);
  const three = await bench.addPeer(232);
  const through = { hub: bench.host, from: two.host, to: three.host, address: three.address };
  const step = (name: string, during: () => Promise<unknown>) =>
    t.step(name, () => losesNothing(name, through, during));
  const other = await bench.addNode("other", {
    "allowed-ips": "10.50.0.0/24,10.60.0.0/24",
    endpoint: "203.0.113.77:51820",
  });
  const isWhole = () => bench.shows(other, ["10.50.0.0/24", "10.60.0.0/24"]);
  await isWhole();

  await step("a control run", () => pause(3000));

  await step(`${RESTARTS} restarts`, async () => {
    for (let restart = 0; restart < RESTARTS; restart++) {
      // Most are killed wherever they happen to be on their way.
      if (restart % 5 === 0) await bench.inStep();
      else await pause((restart * 97) % 1200);
      await bench.restart("SIGKILL");
    }
    await bench.inStep();
    await isWhole();
  });

  await step("drift of another peer", async () => {
    const set = (...args: string[]) => bench.host.run(["wg", "set", "wg0", "peer", ...args]);
    const { publicKey: stranger } = await generatePrivateKey();
    await set(other, "allowed-ips", "10.61.0.0/24", "endpoint", "203.0.113.78:1");
    await set(stranger, "allowed-ips", "10.50.0.0/24", "persistent-keepalive", "1");
    await isWhole();
    await set(other, "remove");
    await isWhole();
    await bench.shows(stranger as PublicKey, undefined);
  });
});
