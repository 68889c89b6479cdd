import { assertEquals } from "@std/assert";
import { type Condition, healthPaths, loopCondition } from "../../lib/health.ts";
import { answerByPath } from "../../lib/serve_http.ts";

const LOOP: Condition = { name: "loop", ok: true };
const LISTED: Condition = { name: "nodes-listed", ok: true };
const NO_ENDPOINT: Condition = { name: "endpoint", ok: false, reason: "set --endpoint" };

async function ask(path: string, ready: readonly Condition[], method = "GET") {
  const request = new Request(`http://127.0.0.1:9587${path}`, { method });
  const paths = healthPaths({ livez: () => [LOOP], readyz: () => ready });
  const response = await answerByPath(request, paths);
  return [response.status, await response.text()];
}

Deno.test("healthPaths() answers ok while all conditions hold", async () => {
  assertEquals(await ask("/livez", [NO_ENDPOINT]), [200, "ok\n"]);
  assertEquals(await ask("/readyz", [LOOP, LISTED]), [200, "ok\n"]);
  assertEquals(await ask("/readyz?verbose", [LOOP, LISTED]), [
    200,
    "[+]loop\n[+]nodes-listed\nok\n",
  ]);
});

Deno.test("healthPaths() answers 503 with the conditions that do not hold, and all when verbose", async () => {
  const conditions = [LOOP, NO_ENDPOINT];
  assertEquals(await ask("/readyz", conditions), [503, "[-]endpoint: set --endpoint\nnot ok\n"]);
  assertEquals(await ask("/readyz?verbose", conditions), [
    503,
    "[+]loop\n[-]endpoint: set --endpoint\nnot ok\n",
  ]);
});

Deno.test("answerByPath() refuses other paths and methods", async () => {
  assertEquals(await ask("/", [LOOP]), [404, "there are /livez, /readyz\n"]);
  assertEquals(await ask("/toString", [LOOP]), [404, "there are /livez, /readyz\n"]);
  assertEquals(await ask("/readyz/", [LOOP]), [404, "there are /livez, /readyz\n"]);
  assertEquals(await ask("/readyz", [LOOP], "POST"), [405, "only GET and HEAD are answered\n"]);
});

Deno.test("loopCondition() holds up to the bound", () => {
  assertEquals(loopCondition(1000, 61_000, 60_000), { name: "loop", ok: true });
  assertEquals(loopCondition(1000, 61_001, 60_000), {
    name: "loop",
    ok: false,
    reason: "has not turned for 60 s",
  });
});
