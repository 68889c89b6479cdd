import { progress } from "../../tests/lab/command.ts";
import { pause } from "../../tests/lab/pause.ts";
import { Traffic } from "../../tests/lab/traffic.ts";
import type { Section } from "../bench_lab.ts";
import {
  controlStage,
  fileStage,
  hubStage,
  type LossStage,
  type Operation,
  OPERATIONS,
  sessionStage,
} from "../loss_ways.ts";
import { flowWindow } from "../report/flow.ts";
import type { Series } from "../report/series.ts";
import { rivalWays, WAY } from "../ways.ts";

const TUNNEL_ADDRESS = "100.96.0.1";
/** A stretch lasts that long at least, in ms. */
const SHORTEST_MS = 1500;
/** A tunnel that is not back after that time is given up, in ms. */
const PATIENCE_MS = 40_000;

const now = () => performance.timeOrigin + performance.now();

/** What a peer's tunnel loses while another is added, changed or removed, or the hub starts again. */
export const LOSS: Section = {
  name: "loss",
  async run(lab) {
    const [full, diff] = rivalWays(lab.rivals);
    const few = 1; // whoever loses all needs a quarter of a minute to come back, each time
    const ways: [string, number, () => Promise<LossStage>][] = [
      [WAY.control, lab.repeats, () => controlStage(lab)],
      [WAY.wgQuick, few, () => fileStage(lab, WAY.wgQuick)],
      [WAY.setconf, few, () => fileStage(lab, WAY.setconf)],
      [WAY.syncconf, lab.repeats, () => fileStage(lab, WAY.syncconf)],
      [WAY.full, few, () => sessionStage(lab, full!)],
      [WAY.diff, lab.repeats, () => sessionStage(lab, diff!)],
      [WAY.hub, lab.repeats, hubStage],
    ];
    const series: Series[] = [];
    for (const [way, repeats, open] of ways) {
      progress(`${way}: ${repeats} times`);
      await using stage = await open();
      series.push(...await measure(way, repeats, stage));
    }
    return series;
  },
};

async function measure(
  way: string,
  repeats: number,
  { hub, peer, perform }: LossStage,
): Promise<Series[]> {
  await isBack(peer);
  const windows: { operation: Operation; from: number; to: number }[] = [];
  await using traffic = await Traffic.start({ from: peer, to: hub, address: TUNNEL_ADDRESS });
  await pause(SHORTEST_MS);
  for (let round = 0; round < repeats; round++) {
    for (const operation of OPERATIONS) {
      const from = now();
      await perform(operation, round);
      await isBack(peer);
      await pause(Math.max(500, from + SHORTEST_MS - now()));
      windows.push({ operation, from, to: now() });
    }
  }
  const seen = await traffic.end();
  return OPERATIONS.flatMap((operation) => {
    const found = windows.filter((window) => window.operation === operation)
      .map(({ from, to }) => flowWindow(seen, from, to));
    const share = { way, what: operation };
    return [
      { ...share, unit: "lost", values: found.map(({ lost }) => lost) },
      {
        ...share,
        what: `${operation}, gap`,
        unit: "ms",
        values: found.map((one) => one.longestGapMs),
      },
    ];
  });
}

/** Waits until the peer's tunnel carries packets both ways. */
async function isBack(peer: LossStage["peer"]): Promise<void> {
  const deadline = now() + PATIENCE_MS;
  while (now() < deadline) {
    const { code } = await peer.exec("ping", ["-c", "1", "-W", "1", TUNNEL_ADDRESS]);
    if (code === 0) return;
  }
  throw new Error(`the tunnel is not back after ${PATIENCE_MS} ms`);
}
