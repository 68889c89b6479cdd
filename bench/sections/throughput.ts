import type { Section } from "../bench_lab.ts";
import { controlStage, hubStage, type LossStage } from "../loss_ways.ts";
import type { Series } from "../report/series.ts";
import { WAY } from "../ways.ts";

const TUNNEL_ADDRESS = "100.96.0.1";
const SECONDS = "3";
const ROUNDS = 5;

/** As much as is read of what iperf3 prints. */
interface IperfReport {
  readonly end: Record<"sum_received", Record<"bits_per_second", number>>;
}

/** What goes through a tunnel that we keep, and through one that was made by hand: it is the kernel's. */
export const THROUGHPUT: Section = {
  name: "throughput",
  async run(lab) {
    await using parts = new AsyncDisposableStack();
    const stages = [
      { way: WAY.hand, stage: parts.use(await controlStage(lab)), values: [] as number[] },
      { way: WAY.hub, stage: parts.use(await hubStage()), values: [] as number[] },
    ];
    // By turns: a machine that becomes slower meanwhile does so for both.
    for (let round = 0; round < (lab.quick ? 2 : ROUNDS); round++) {
      for (const { stage, values } of stages) values.push(await megabits(stage));
    }
    return stages.map(({ way, values }): Series => {
      return { way, what: "TCP from the peer to the hub", unit: "Mbit/s", values };
    });
  },
};

async function megabits({ hub, peer }: LossStage): Promise<number> {
  await using server = hub.spawn("iperf3", ["--server", "--one-off", "--forceflush"]);
  await server.waitForLine(/listening/i);
  const args = ["--client", TUNNEL_ADDRESS, "--time", SECONDS, "--json"];
  const report = JSON.parse(await peer.run(["iperf3", ...args])) as IperfReport;
  return report.end.sum_received.bits_per_second / 1e6;
}
