import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../lib/ip/address.ts";
import { logOf } from "../../lib/log.ts";
import { awaitTurn } from "../../lib/hub/await_turn.ts";
import { HubLock } from "../../lib/hub/hub_lock.ts";
import { LoopLog } from "../../lib/reconcile/loop_log.ts";

/** A port of the loopback that was free just now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("a hub that waits for another on its node says that it lives and is not ready, and then lets go of the port", async () => {
  const stateDir = await Deno.makeTempDir();
  try {
    const first = await HubLock.try(stateDir, () => {});
    const healthAddress = { hostname: parseAddress("127.0.0.1")!, port: freePort() };
    const { signal } = new AbortController();
    const says = new LoopLog(logOf("hub"));
    const turn = awaitTurn({ stateDir, healthAddress }, says, signal);
    const ask = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${healthAddress.port}${path}`);
      return [answer.status, await answer.text()];
    };
    let alive: unknown[] | undefined;
    while (!alive) alive = await ask("/livez").catch(() => undefined);
    assertEquals(alive, [200, "ok\n"]);
    const [status, text] = await ask("/readyz");
    assertEquals(status, 503);
    assertEquals(
      text,
      "[-]lock: another hub runs on this node: waiting until it has ended\nnot ok\n",
    );
    first![Symbol.dispose]();
    using lock = await turn;
    assert(lock);
    using again = Deno.listen(healthAddress);
    assert(again);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("a hub that waits ends at once when it is told to", async () => {
  const stateDir = await Deno.makeTempDir();
  try {
    using first = await HubLock.try(stateDir, () => {});
    assert(first);
    const stop = new AbortController();
    const turn = awaitTurn(
      { stateDir, healthAddress: "off" },
      new LoopLog(logOf("hub")),
      stop.signal,
    );
    stop.abort();
    assertEquals(await turn, undefined);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});
