import { configureLog } from "../../lib/log.ts";
import { expectConverged } from "./expect_converged.ts";
import { Happenings } from "./happenings.ts";
import { SeededRandom } from "./seeded_random.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";
import { NAMES } from "./simulated_nodes.ts";
import { Violation } from "./violation.ts";
import { VirtualTime } from "./virtual_time.ts";

const EPOCH = Date.UTC(2026, 0, 1);
/** How many things happen to a cluster, and the longest time between two of them, in ms. */
const HAPPENINGS = 30;
const LONGEST_GAP = 20_000;
/**
 * When all must be back in step, in ms: after a watch that broke and its backoff; where events were
 * lost, after everything is listed again; where a spoke's watch of its own Node fell silent, after it
 * is taken for dead.
 */
const BACK_IN_STEP = 150_000;
const BACK_AFTER_LOSS = 270_000;
const BACK_AFTER_SILENCE = 420_000;

/**
 * One life of a cluster, drawn from a seed: Nodes, faults of the API, kills, edits by hand, and then
 * a time without any.
 *
 * @param onLine told each line that is logged.
 * @returns what was violated, if anything.
 */
export async function simulate(
  seed: number,
  onLine: (line: string) => void = () => {},
): Promise<Violation | undefined> {
  const random = new SeededRandom(seed);
  using time = new VirtualTime(EPOCH, random.next);
  using cluster = new SimulatedCluster(random, time);
  configureLog({ format: "json", level: "debug" }, (line) => {
    onLine(line);
    cluster.published(line);
  });
  try {
    await live(cluster);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    cluster.violation ??= error;
  } finally {
    await cluster.end();
  }
  return cluster.violation;
}

async function live(cluster: SimulatedCluster): Promise<void> {
  const { random, residents, spokes, members } = cluster;
  const happenings = new Happenings(cluster);
  for (const resident of residents) cluster.register(resident);
  for (const name of random.some(NAMES, 7)) cluster.putStranger(name);
  for (const resident of residents) cluster.start(resident);
  for (let i = 0; i < HAPPENINGS && !cluster.violation; i++) {
    await cluster.pass(random.below(random.chance(0.5) ? 300 : LONGEST_GAP));
    happenings.happen();
    cluster.look();
  }
  happenings.end();
  const { isLossy, isSilent } = happenings;
  const quiet = isSilent && spokes.length + members.length > 0
    ? BACK_AFTER_SILENCE
    : isLossy
    ? BACK_AFTER_LOSS
    : BACK_IN_STEP;
  await cluster.pass(quiet);
  if (!cluster.violation) expectConverged(cluster);
}
