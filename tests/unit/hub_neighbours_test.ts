/** Whom the hub must reach outside the tunnel, and how often it asks for that. */
import { assert, assertEquals } from "@std/assert";
import type { IpAddress } from "../../lib/ip/address.ts";
import { ApiError, ApiUnreachable } from "../../lib/kubernetes/api_error.ts";
import { serverHostsIn } from "../../lib/kubernetes/server_hosts.ts";
import { HubNeighbours } from "../../lib/reconcile/hub_neighbours.ts";
import { VirtualTime } from "./virtual_time.ts";

const HOUR = 3_600_000;
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "api.example": ["10.0.5.1", "10.0.5.2"],
};

/** What a script sees and changes. */
interface Bench {
  readonly time: VirtualTime;
  readonly neighbours: HubNeighbours;
  readonly asked: number[];
  readonly results: unknown[];
  hosts: readonly string[] | Error;
  resolvers: readonly string[];
  changes: number;
}

/** An API server that answers as told, until the script has ended. */
async function bench(
  script: (state: Bench) => Promise<void>,
): Promise<void> {
  const time = new VirtualTime();
  const stop = new AbortController();
  const neighbours: HubNeighbours = new HubNeighbours({
    api: {
      host: "10.96.0.1",
      serverHosts: () => {
        state.asked.push(time.now);
        const { hosts } = state;
        return hosts instanceof Error ? Promise.reject(hosts) : Promise.resolve([...hosts]);
      },
    },
    names: { addresses: (host) => (NAMES[host] ?? [host]) as readonly IpAddress[] },
    resolvers: () => Promise.resolve(state.resolvers as readonly IpAddress[]),
    onChange: () => state.changes++,
    onResult: (error) => state.results.push(error),
    random: () => 0.5,
    sleep: time.sleep,
  });
  const state: Bench = {
    time,
    neighbours,
    asked: [],
    results: [],
    hosts: ["10.0.0.9"],
    resolvers: ["10.0.0.53"],
    changes: 0,
  };
  const running = neighbours.run(stop.signal);
  await script(state);
  stop.abort();
  await running;
}

Deno.test("the hub's neighbours are the API server, wherever it says that it is, and the name servers", async () => {
  await bench(async (state) => {
    assertEquals<unknown>(state.neighbours.addresses, ["10.96.0.1"]);
    await state.time.pass(1);
    assertEquals<unknown>(state.neighbours.addresses, ["10.96.0.1", "10.0.0.9", "10.0.0.53"]);
    assertEquals([state.neighbours.isComplete, state.changes], [true, 1]);
    state.hosts = ["api.example"];
    state.resolvers = [];
    await state.time.pass(2 * HOUR);
    assertEquals<unknown>(state.neighbours.addresses, ["10.96.0.1", "10.0.5.1", "10.0.5.2"]);
    await state.time.pass(30 * HOUR);
    assertEquals(state.changes, 2);
    assert(state.asked.length <= 21, `asked ${state.asked.length} times in 30 hours`);
  });
});

Deno.test("the hub's neighbours are not complete before the API server has answered", async () => {
  await bench(async (state) => {
    state.hosts = new ApiUnreachable("GET /api: no answer");
    await state.time.pass(600_000);
    assertEquals(state.neighbours.isComplete, false);
    assertEquals<unknown>(state.neighbours.addresses, ["10.96.0.1", "10.0.0.53"]);
    assert(state.asked.length < 130, `asked ${state.asked.length} times in ten minutes`);
    state.hosts = ["10.0.0.9"];
    await state.time.pass(610_000);
    assertEquals<unknown>(state.neighbours.addresses, ["10.96.0.1", "10.0.0.9", "10.0.0.53"]);
    assertEquals([state.neighbours.isComplete, state.results.at(-1)], [true, undefined]);
    state.hosts = new ApiUnreachable("GET /api: no answer");
    await state.time.pass(10 * HOUR);
    assertEquals(state.neighbours.addresses.length, 3, "what was known stands");
    assertEquals(state.neighbours.isComplete, true);
  });
});

Deno.test("a server that does not tell where it is keeps nobody waiting, and is asked seldom", async () => {
  await bench(async (state) => {
    state.hosts = new ApiError("GET /api: 403", 403);
    await state.time.pass(1);
    assertEquals([state.neighbours.isComplete, state.results[0]], [true, state.hosts]);
    await state.time.pass(6 * HOUR);
    assert(state.asked.length < 90, `asked ${state.asked.length} times in six hours`);
  });
});

Deno.test("serverHostsIn() reads what a server says of itself, whatever that is", () => {
  const told = (...serverAddress: unknown[]) => ({
    kind: "APIVersions",
    serverAddressByClientCIDRs: serverAddress.map((one) => ({
      clientCIDR: "0.0.0.0/0",
      serverAddress: one,
    })),
  });
  const table: [unknown, string[]][] = [
    [told("10.0.0.9:6443"), ["10.0.0.9"]],
    [told("[fd00::9]:6443", "API.example:443"), ["fd00::9", "api.example"]],
    [told("10.0.0.9:6443", "10.0.0.9:443", 7, null, "", "a b:1", "10.0.0.9"), ["10.0.0.9"]],
    [{ serverAddressByClientCIDRs: {} }, []],
    [{ serverAddressByClientCIDRs: [null, 1, []] }, []],
    [null, []],
    ["x", []],
  ];
  for (const [json, hosts] of table) assertEquals(serverHostsIn(json), hosts);
  const many = told(...Array.from({ length: 99 }, (_, i) => `10.0.1.${i}:1`));
  assertEquals(serverHostsIn(many).length, 16);
});
