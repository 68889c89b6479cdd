import { type BenchLab, freshTunnel, type Section } from "../bench_lab.ts";
import type { Series } from "../report/series.ts";
import { Session } from "../session.ts";
import { ownWays, type ProgramWay, rivalWays, WAY } from "../ways.ts";

const OPERATIONS = ["add", "change", "remove"] as const;

/** One peer is added, changed and removed beside so many others: what that takes each way. */
export const CHANGE: Section = {
  name: "change",
  async run(lab) {
    const series: Series[] = [];
    await using host = await lab.tunnelHost("change");
    for (const peers of lab.sizes) {
      for (const way of [...rivalWays(lab.rivals), ...ownWays()]) {
        await freshTunnel(host);
        await using session = await Session.open(host, way.command);
        await session.ask({ op: "fill", count: peers, batch: 32 });
        series.push(...await measure(lab, session, way, peers));
      }
    }
    return series;
  },
};

async function measure(
  lab: BenchLab,
  session: Session,
  { name: way }: ProgramWay,
  peers: number,
): Promise<Series[]> {
  const { count, warmUps } = effort(lab, way, peers);
  for (const op of OPERATIONS) await session.ask({ op, from: peers, count: warmUps });
  const series: Series[] = [];
  for (const op of OPERATIONS) {
    const { wallMs, cpuMs } = await session.ask({ op, from: peers, count });
    series.push({ way, what: op, peers, unit: "ms", values: wallMs });
    series.push({ way, what: `${op}, CPU`, peers, unit: "ms", values: [cpuMs / count] });
  }
  return series;
}

/** What takes seconds, or a good part of one, needs no warming and is not done as often. */
function effort({ quick }: BenchLab, way: string, peers: number) {
  if (way === WAY.full && peers >= 1000) return { count: quick ? 1 : 3, warmUps: 1 };
  if (way === WAY.diff && peers > 1000) return { count: quick ? 5 : 20, warmUps: 5 };
  return quick ? { count: 30, warmUps: 30 } : { count: 100, warmUps: 50 };
}
