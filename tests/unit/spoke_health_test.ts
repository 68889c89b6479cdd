import { assertEquals } from "@std/assert";
import { type Condition, healthPaths } from "../../lib/health.ts";
import { spokeHealth, type SpokeSigns } from "../../lib/spoke/spoke_health.ts";
import { answerByPath } from "../../lib/serve_http.ts";

const JOINED: SpokeSigns = { idleMs: 9_000, progress: { joined: true, text: "joined by hub-1" } };
const WAITS = { joined: false, text: "the interface is up, waiting for a hub" };

const faultsOf = (conditions: readonly Condition[]) =>
  conditions.filter(({ ok }) => !ok).map(({ name, reason }) => `${name}: ${reason}`);

Deno.test("a spoke is alive as long as its loop turns, whatever it waits for", () => {
  const livez = (signs: Partial<SpokeSigns>) =>
    faultsOf(spokeHealth(() => ({ ...JOINED, ...signs }), 60_000).livez());
  assertEquals(livez({}), []);
  assertEquals(livez({ progress: WAITS }), []);
  assertEquals(livez({ idleMs: 60_000 }), []);
  assertEquals(livez({ idleMs: 61_000 }), ["loop: has not turned for 61 s"]);
});

Deno.test("a spoke is ready while the hub answers, and says what it waits for", async () => {
  let signs = JOINED;
  const paths = healthPaths(spokeHealth(() => signs, 60_000));
  const ask = async (path: string) => {
    const response = await answerByPath(new Request(`http://127.0.0.1${path}`), paths);
    return [response.status, await response.text()];
  };
  assertEquals(await ask("/readyz?verbose"), [200, "[+]joined: joined by hub-1\nok\n"]);
  signs = { ...JOINED, progress: WAITS };
  assertEquals(await ask("/readyz"), [503, `[-]joined: ${WAITS.text}\nnot ok\n`]);
  assertEquals(await ask("/livez"), [200, "ok\n"]);
});
