import { assertEquals, assertInstanceOf } from "@std/assert";
import { type HealthServer, serveHealth } from "../../lib/health.ts";
import type { IpAddress } from "../../lib/ip/address.ts";

const LOOPBACK = "127.0.0.1" as IpAddress;

function server(signal: AbortSignal, parts: Partial<HealthServer> = {}): HealthServer {
  return {
    state: { livez: () => [], readyz: () => [{ name: "listed", ok: false }] },
    signal,
    random: () => 0,
    onFailure: (error) => {
      throw error;
    },
    onListen: () => {},
    ...parts,
  };
}

Deno.test("serveHealth() answers over HTTP until its signal", async () => {
  const stop = new AbortController();
  const port = Promise.withResolvers<number>();
  const served = serveHealth(
    { hostname: LOOPBACK, port: 0 },
    server(stop.signal, { onListen: port.resolve }),
  );
  const base = `http://127.0.0.1:${await port.promise}`;
  const live = await fetch(`${base}/livez`);
  assertEquals([live.status, await live.text()], [200, "ok\n"]);
  const ready = await fetch(`${base}/readyz`);
  assertEquals([ready.status, await ready.text()], [503, "[-]listed\nnot ok\n"]);
  stop.abort();
  await served;
});

Deno.test("serveHealth() tries again while its port is in use, then serves", async () => {
  const taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const errors: unknown[] = [];
  const served = serveHealth(
    { hostname: LOOPBACK, port },
    server(stop.signal, {
      onListen: listening.resolve,
      onFailure: (error) => {
        errors.push(error);
        if (errors.length === 2) taken.close();
      },
    }),
  );
  assertEquals(await listening.promise, port);
  assertEquals(errors.length, 2);
  for (const error of errors) assertInstanceOf(error, Deno.errors.AddrInUse);
  stop.abort();
  await served;
});

Deno.test("serveHealth() ends while it waits for its port", async () => {
  const taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const stop = new AbortController();
  await serveHealth(
    { hostname: LOOPBACK, port: (taken.addr as Deno.NetAddr).port },
    server(stop.signal, { random: () => 0.9, onFailure: () => stop.abort() }),
  );
  taken.close();
});

Deno.test("serveHealth() serves nothing when it is off", async () => {
  await serveHealth("off", server(new AbortController().signal));
});
