import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";
import { progress } from "../lab/command.ts";
import { eventually } from "../lab/eventually.ts";
import type { HubBench, Peer } from "../lab/hub_bench.ts";
import { pause } from "../lab/pause.ts";
import { measureTraffic } from "../lab/traffic.ts";

/** The longest that a peer's packets may go to a port at which nobody listens any more, in ms. */
const PORT_LEARNED = 100;

/** A hub with two peers that reach each other through it. */
export interface Bench {
  readonly bench: HubBench;
  readonly two: Peer;
  readonly three: Peer;
  /** Runs something while packets flow from the one to the other, none of which may be lost. */
  readonly fault: (row: string, during: () => Promise<unknown>) => Promise<unknown>;
}

/** What an administrator may change: a peer's key, the hub's options, the machine's own routes. */
export async function hubOptionsSteps(
  t: Deno.TestContext,
  { bench, two, three, fault }: Bench,
): Promise<void> {
  await fault("a peer's key changes: other tunnels lose nothing, and it is back", async () => {
    const five = await bench.addPeer(234);
    const key = await generatePrivateKey();
    await five.host.writeFile("/etc/wireguard/next.key", printPrivateKey(key));
    await five.host.run(["wg", "set", "wg0", "private-key", "/etc/wireguard/next.key"]);
    await bench.annotate("peer-234", { "public-key": key.publicKey });
    await bench.shows(key.publicKey, [`${five.address}/32`]);
    await bench.shows(five.publicKey, undefined);
    await bench.reaches(five);
    await bench.deleteNodes("peer-234");
  });

  await fault(
    "the hub is started again with another --address, then with a network: other tunnels lose nothing",
    async () => {
      const first = "100.96.0.1/32";
      for (const address of ["100.96.0.9/32", "100.96.0.1/12", first]) {
        await bench.restart("SIGTERM", address === first ? [] : [`--address=${address}`]);
        await bench.inStep();
        const shown = await bench.host.run(["ip", "-o", "-4", "addr", "show", "dev", "wg0"]);
        assertEquals(shown.match(/(?<=inet )\S+/g), [address]);
        await pause(500);
      }
    },
  );

  await t.step(
    "the hub is started again with another --listen-port: its peers follow, and lose what is under way",
    async () => {
      const { sent, lost, longestGapMs } = await measureTraffic(
        { from: two.host, to: three.host, address: three.address },
        async () => {
          for (const flags of [["--listen-port=51999"], []]) {
            await bench.restart("SIGTERM", flags);
            await bench.inStep();
            await pause(3000);
            const keepalives = await bench.host.run(["wg", "show", "wg0", "persistent-keepalive"]);
            assertEquals(new Set(keepalives.match(/\S+$/gm)), new Set(["off"]));
          }
        },
      );
      progress(`figure: two changes of the port: ${lost} of ${sent} lost, gap ${longestGapMs} ms`);
      // A peer sends to the old port until the first packet from the new one has reached it.
      assertLess(lost, 2 * 300 * PORT_LEARNED / 1000, bench.log);
    },
  );

  await fault(
    "somebody else's route for an admitted prefix: reported, not fought; when it goes, ours comes",
    async () => {
      const [elsewhere, nowhere] = ["10.61.0.0/24", "10.62.0.0/24"] as const;
      const key = await bench.addNode("routed", { "allowed-ips": `${elsewhere},${nowhere}` });
      const route = async (prefix: string) =>
        (await bench.host.run(["ip", "route", "show", prefix])).trim();
      const ours = (prefix: string) =>
        eventually(
          `our route to ${prefix}`,
          async () => /dev wg0 proto 87/.test(await route(prefix)) || undefined,
          () => bench.log,
        );
      await Promise.all([elsewhere, nowhere].map(ours));
      await bench.host.ip(
        `route replace ${elsewhere} dev eth0 proto static`,
        `route replace blackhole ${nowhere} proto static`,
      );
      // What is reached elsewhere is no peer's; what leads nowhere only keeps our route away.
      await bench.process.waitForLine(/refused what a node asks for.* node=routed .*10\.61\./);
      await bench.process.waitForLine(/the kernel refused routes.*10\.62\./);
      await pause(1500);
      assertMatch(await route(elsewhere), /^\S+ dev eth0 proto static/);
      assertMatch(await route(nowhere), /^blackhole \S+ proto static/);
      await bench.host.ip(`route del ${elsewhere}`, `route del blackhole ${nowhere}`);
      await Promise.all([elsewhere, nowhere].map(ours));
      await bench.shows(key, [elsewhere, nowhere]);
      await bench.deleteNodes("routed");
    },
  );
}
