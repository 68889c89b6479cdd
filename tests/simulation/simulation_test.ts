/**
 * The hub's parts against a simulated API server and kernel, in virtual time.
 *
 * `WG_KUBE_SIMULATION_SEEDS` is how many seeds are tried (default 100), `WG_KUBE_SIMULATION_SEED`
 * the first of them: with 1 and a seed that failed, that life is lived again.
 */
import { assert, assertEquals } from "@std/assert";
import { simulate } from "./simulate.ts";
import { type Invariant, INVARIANTS } from "./violation.ts";

const FIRST = Number(Deno.env.get("WG_KUBE_SIMULATION_SEED") ?? 1);
const SEEDS = Number(Deno.env.get("WG_KUBE_SIMULATION_SEEDS") ?? 100);

let lived: Promise<ReadonlyMap<Invariant, readonly string[]>> | undefined;

/** Tries all seeds once. @returns what was violated, with how to see it again. */
async function liveAll(): Promise<ReadonlyMap<Invariant, readonly string[]>> {
  assert(Number.isSafeInteger(FIRST) && SEEDS > 0, "the seeds are numbers");
  const violations = new Map<Invariant, string[]>();
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const violation = await simulate(seed);
    if (!violation) continue;
    const again = `WG_KUBE_SIMULATION_SEED=${seed} WG_KUBE_SIMULATION_SEEDS=1 ` +
      `deno test -A tests/simulation`;
    const told = violations.get(violation.invariant) ?? [];
    violations.set(violation.invariant, [...told, `${violation.message}; again: ${again}`]);
  }
  return violations;
}

for (const [invariant, text] of Object.entries(INVARIANTS)) {
  Deno.test(`simulated lives: ${text}`, async () => {
    const violations = (await (lived ??= liveAll())).get(invariant as Invariant) ?? [];
    assertEquals(violations.slice(0, 3), [], `${violations.length} of ${SEEDS} lives`);
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
