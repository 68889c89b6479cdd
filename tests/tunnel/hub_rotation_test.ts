/** What changes under a hub that runs for long: its credential, the authority, the time of day. */
import { assertLess } from "@std/assert";
import { run } from "../lab/command.ts";
import { benchAuthority, HubBench, OUR_TOKEN } from "../lab/hub_bench.ts";
import { pause } from "../lab/pause.ts";
import { losesNothing } from "./loses_nothing.ts";

const DAY_S = 86_400;
/** The longest wait between two attempts to reach the API server, and what is allowed beyond, in ms. */
const IN_STEP = 15_000 + 2000;

/** Only where the clock is the guest's own: that of this machine is nobody's to change. */
async function hasClockOfItsOwn(): Promise<boolean> {
  return (await Deno.readTextFile("/proc/cpuinfo")).includes("User Mode Linux");
}

Deno.test("the hub's token, its authority and the clock change, and no tunnel loses a packet", async (t) => {
  await using bench = await HubBench.create();
  const two = await bench.addPeer(231);
  const three = await bench.addPeer(232);
  const key = await bench.addNode("mover", { "allowed-ips": "10.50.0.0/24" });
  let moves = 0;

  const step = (name: string, during: () => Promise<unknown>, ignore = false) =>
    t.step({
      name,
      ignore,
      fn: () =>
        losesNothing(name, {
          hub: bench.host,
          from: two.host,
          to: three.host,
          address: three.address,
        }, during),
    });

  /** That the hub follows what Nodes say, soon. */
  async function isInStep(): Promise<void> {
    const prefix = `10.51.${moves++}.0/24`;
    const begin = performance.now();
    await bench.annotate("mover", { "allowed-ips": prefix });
    await bench.shows(key, [prefix]);
    const took = performance.now() - begin;
    assertLess(took, IN_STEP, `${took} ms\n${bench.log}`);
  }

  await step("no change: a control run loses nothing", () => isInStep());

  await step("the token runs out, and its file has the next one later: in step again", async () => {
    bench.api.acceptTokens([OUR_TOKEN, "second"]);
    bench.api.endWatches();
    await bench.process.waitForLine(/watch of the peers: failed/);
    await bench.writeCredential({ token: "second" });
    await isInStep();
  });

  await step(
    "the API server has a certificate of a new authority, and the CA file has that later",
    async () => {
      const authority = await benchAuthority();
      await bench.certify(authority);
      await pause(2000);
      await bench.writeCredential({ authority });
      await isInStep();
    },
  );

  await step(
    "the clock jumps a day ahead and back: tunnels stay, the hub stays in step",
    async () => {
      const jump = async (seconds: number) => {
        const target = Math.floor(Date.now() / 1000) + seconds;
        await run(["date", "--set", `@${target}`]);
      };
      await jump(DAY_S);
      try {
        await isInStep();
        await bench.restart("SIGKILL");
        await bench.inStep();
        await isInStep();
      } finally {
        await jump(-DAY_S);
      }
      await isInStep();
      const drifted = performance.now();
      await bench.host.run(["wg", "set", "wg0", "peer", key, "allowed-ips", "10.60.0.0/24"]);
      await bench.shows(key, [`10.51.${moves - 1}.0/24`]);
      assertLess(performance.now() - drifted, IN_STEP); // the next look is due by no clock that jumps
    },
    !await hasClockOfItsOwn(),
  );
});
