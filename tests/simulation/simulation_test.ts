/**
 * Hubs, spokes, API server and kernels in one process and in virtual time: the programs' own parts,
 * on simulated machines on which everything goes wrong that can.
 *
 * `WG_KUBE_SIMULATION_SEEDS` is how many seeds are tried (default 100), `WG_KUBE_SIMULATION_SEED`
 * the first of them: with 1 and a seed that failed, that life is lived again.
 */
import { assert, assertEquals } from "@std/assert";
import { liveAll, type Told } from "./live_all.ts";
import { simulate } from "./simulate.ts";
import { INVARIANTS } from "./violation.ts";

const FIRST = Number(Deno.env.get("WG_KUBE_SIMULATION_SEED") ?? 1);
const SEEDS = Number(Deno.env.get("WG_KUBE_SIMULATION_SEEDS") ?? 100);

let lived: Promise<readonly Told[]> | undefined;

const names = { ...INVARIANTS, ends: "no life is broken off by an error" };
for (const [of, text] of Object.entries(names)) {
  Deno.test(`simulated lives: ${text}`, async () => {
    assert(Number.isSafeInteger(FIRST) && SEEDS > 0, "the seeds are numbers");
    const told = (await (lived ??= liveAll(FIRST, SEEDS))).filter((one) => one.of === of);
    const shown = told.slice(0, 3).map(({ seed, message }) =>
      `${message}; again: WG_KUBE_SIMULATION_SEED=${seed} WG_KUBE_SIMULATION_SEEDS=1 ` +
      `deno test -A tests/simulation`
    );
    assertEquals(shown, [], `${told.length} of ${SEEDS} lives`);
  });
}

Deno.test("a simulated life is the same whenever it is lived again", async () => {
  const told = async () => {
    const lines: string[] = [];
    await simulate(FIRST, (line) => lines.push(line));
    return lines;
  };
  const lines = await told();
  assert(lines.length > 20, "something happens");
  assertEquals(await told(), lines);
});
