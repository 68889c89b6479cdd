import { assertEquals, assertInstanceOf } from "@std/assert";
import { healthPaths } from "../../lib/health.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { type Endpoint, type HttpServer, plainText, serveHttp } from "../../lib/serve_http.ts";

const LOOPBACK = "127.0.0.1" as IpAddress;
const PATHS = healthPaths({ livez: () => [], readyz: () => [{ name: "listed", ok: false }] });

/** The health endpoint at that port of the loopback. */
function health(port: number): Endpoint {
  return { name: "health", address: { hostname: LOOPBACK, port }, paths: PATHS };
}

function server(signal: AbortSignal, parts: Partial<HttpServer> = {}): HttpServer {
  return {
    signal,
    random: () => 0,
    onFailure: (_, error) => {
      throw error;
    },
    onListen: () => {},
    ...parts,
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function ask(url: string): Promise<[number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

Deno.test("serveHttp() answers over HTTP until its signal", async () => {
  const stop = new AbortController();
  const port = Promise.withResolvers<number>();
  const served = serveHttp(
    [health(0)],
    server(stop.signal, { onListen: (_, number) => port.resolve(number) }),
  );
  const base = `http://127.0.0.1:${await port.promise}`;
  assertEquals(await ask(`${base}/livez`), [200, "ok\n"]);
  assertEquals(await ask(`${base}/readyz`), [503, "[-]listed\nnot ok\n"]);
  stop.abort();
  await served;
});

Deno.test("serveHttp() serves endpoints of one address by one server, others by their own", async () => {
  const stop = new AbortController();
  const listening: [string, number][] = [];
  const both = Promise.withResolvers<void>();
  const paths = { "/metrics": () => plainText(200, "x 1\n") };
  const served = serveHttp(
    [
      health(0),
      { ...health(0), name: "metrics", paths },
      { ...health(freePort()), name: "apart", paths },
    ],
    server(stop.signal, {
      onListen: (name, port) => {
        listening.push([name, port]);
        if (listening.length === 2) both.resolve();
      },
    }),
  );
  await both.promise;
  const ports = new Map(listening);
  assertEquals([...ports.keys()].sort(), ["apart", "health"]);
  const shared = `http://127.0.0.1:${ports.get("health")}`;
  assertEquals(await ask(`${shared}/livez`), [200, "ok\n"]);
  assertEquals(await ask(`${shared}/metrics`), [200, "x 1\n"]);
  const apart = `http://127.0.0.1:${ports.get("apart")}`;
  assertEquals(await ask(`${apart}/metrics`), [200, "x 1\n"]);
  assertEquals(await ask(`${apart}/livez`), [404, "there are /metrics\n"]);
  stop.abort();
  await served;
});

Deno.test("serveHttp() answers 500 where the state cannot be read, and goes on", async () => {
  const stop = new AbortController();
  const port = Promise.withResolvers<number>();
  const paths = {
    "/bad": () => Promise.reject(new Error("no")),
    "/good": () => plainText(200, "ok\n"),
  };
  const served = serveHttp(
    [{ ...health(0), paths }],
    server(stop.signal, { onListen: (_, number) => port.resolve(number) }),
  );
  const base = `http://127.0.0.1:${await port.promise}`;
  assertEquals(await ask(`${base}/bad`), [500, "the state cannot be read\n"]);
  assertEquals(await ask(`${base}/good`), [200, "ok\n"]);
  stop.abort();
  await served;
});

Deno.test("serveHttp() tries again while its port is in use, then serves", async () => {
  const taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const errors: unknown[] = [];
  const served = serveHttp(
    [health(port)],
    server(stop.signal, {
      onListen: (_, number) => listening.resolve(number),
      onFailure: (name, error) => {
        assertEquals(name, "health");
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

Deno.test("serveHttp() ends while it waits for its port", async () => {
  const taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const stop = new AbortController();
  await serveHttp(
    [health((taken.addr as Deno.NetAddr).port)],
    server(stop.signal, { random: () => 0.9, onFailure: () => stop.abort() }),
  );
  taken.close();
});

Deno.test("serveHttp() serves nothing that is off", async () => {
  const endpoint: Endpoint = { ...health(0), address: "off" };
  await serveHttp([endpoint], server(new AbortController().signal));
});
