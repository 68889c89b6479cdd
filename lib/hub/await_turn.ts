import { healthPaths } from "../health.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { serveHttp } from "../serve_http.ts";
import { WAITING_HEALTH } from "./hub_health.ts";
import { HubLock } from "./hub_lock.ts";
import type { LoopLog } from "../reconcile/loop_log.ts";

/** The options of a hub that say where it waits, and where it is asked meanwhile. */
export interface TurnOptions {
  readonly stateDir: string;
  readonly healthAddress: ListenAddress;
}

/**
 * Waits until no other hub runs on this node. Meanwhile it says that it lives and is not ready, if the
 * health endpoint's address is free: it is the other hub's, unless that one was given another.
 *
 * @returns the lock; undefined if the signal came first.
 */
export async function awaitTurn(
  { stateDir, healthAddress }: TurnOptions,
  says: LoopLog,
  signal: AbortSignal,
): Promise<HubLock | undefined> {
  const first = await HubLock.try(stateDir, says.troubleOf("lock"));
  if (first) return first;
  const waiting = new AbortController();
  const paths = healthPaths(WAITING_HEALTH);
  const server = serveHttp([{ name: "health endpoint", address: healthAddress, paths }], {
    signal: AbortSignal.any([signal, waiting.signal]),
    random: Math.random,
    onListen: () => says.matter("waiting hub", undefined),
    onFailure: (_, error) =>
      says.matter(
        "waiting hub",
        error instanceof Deno.errors.AddrInUse
          ? "whoever asks for this hub's health is answered by the hub that runs, until that has ended"
          : "its health cannot be asked for",
        { address: addressText(healthAddress) },
      ),
  });
  const lock = await HubLock.wait(stateDir, says.troubleOf("lock"), signal);
  waiting.abort();
  await server;
  says.matter("waiting hub", undefined);
  return lock;
}

function addressText(address: ListenAddress): string {
  return address === "off" ? address : `${address.hostname}:${address.port}`;
}
