import type { Section } from "../bench_lab.ts";
import { controlStage, hubStage, type LossStage } from "../loss_ways.ts";
import type { Series } from "../report/series.ts";
import { WAY } from "../ways.ts";

const TUNNEL_ADDRESS = "100.96.0.1";
const SECONDS = "3";

/** As much as is read of what iperf3 prints. */
interface IperfReport {
  readonly end: Record<"sum_received", Record<"bits_per_second", number>>;
}

/** What goes through a tunnel that we keep, and through one that was made by hand: it is the kernel's. */
export const THROUGHPUT: Section = {
  name: "throughput",
  async run(lab) {
    const series: Series[] = [];
    const stages: [string, () => Promise<LossStage>][] = [
      [WAY.hand, () => controlStage(lab)],
      [WAY.hub, hubStage],
    ];
    for (const [way, open] of stages) {
      await using stage = await open();
      const values: number[] = [];
      for (let round = 0; round < Math.max(2, lab.repeats); round++) {
        values.push(await megabits(stage));
      }
      series.push({ way, what: "TCP from the peer to the hub", unit: "Mbit/s", values });
    }
    return series;
  },
};

async function megabits({ hub, peer }: LossStage): Promise<number> {
  await using server = hub.spawn("iperf3", ["--server", "--one-off", "--forceflush"]);
  await server.waitForLine(/listening/i);
  const args = ["--client", TUNNEL_ADDRESS, "--time", SECONDS, "--json"];
  const report = JSON.parse(await peer.run(["iperf3", ...args])) as IperfReport;
  return report.end.sum_received.bits_per_second / 1e6;
}
