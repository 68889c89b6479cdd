/** That the benchmark's own programs still do what their figures are named after. */
import { assert, assertEquals } from "@std/assert";
import { freshTunnel } from "../../bench/bench_lab.ts";
import { benchPeer } from "../../bench/programs/bench_peer.ts";
import { flowWindow } from "../../bench/report/flow.ts";
import { Session } from "../../bench/session.ts";
import { ownWays } from "../../bench/ways.ts";
import { LabHost } from "../lab/lab_host.ts";
import { Traffic } from "../lab/traffic.ts";

const PEERS = 40;

for (const { name, command } of ownWays()) {
  Deno.test(`${name}: peers are filled in, added, changed and removed as the benchmark says`, async () => {
    await using host = await LabHost.create("bench");
    await freshTunnel(host);
    await using session = await Session.open(host, command);
    const shown = async () => {
      const text = await host.run(["wg", "show", "wg0", "allowed-ips"]);
      return new Map(
        text.trim().split("\n").map((line) => {
          const [key, prefixes] = line.split("\t");
          return [key!, prefixes!.split(" ").toSorted()];
        }),
      );
    };
    const prefixesOf = (changed: boolean) => benchPeer(PEERS, changed, true).allowedIPs.toSorted();
    const { publicKey } = benchPeer(PEERS, false, true);

    const filled = await session.ask({ op: "fill", count: PEERS, wide: true });
    assertEquals((await shown()).size, PEERS);
    await session.ask({ op: "routes", count: PEERS });
    const routes = await host.run(["ip", "route", "show", "dev", "wg0", "proto", "87"]);
    assertEquals(routes.trim().split("\n").length, PEERS);
    const one = { from: PEERS, count: 1, wide: true };
    const added = await session.ask({ op: "add", ...one });
    assertEquals((await shown()).get(publicKey), prefixesOf(false));
    await session.ask({ op: "change", ...one });
    assertEquals((await shown()).get(publicKey), prefixesOf(true));
    await session.ask({ op: "remove", ...one });
    assertEquals((await shown()).has(publicKey), false);
    for (const { wallMs } of [filled, added]) assert(wallMs.length === 1 && wallMs[0]! > 0);
  });
}

Deno.test("a flow counts what is lost while its target is away", async () => {
  await using host = await LabHost.create("bench");
  await using traffic = await Traffic.start({ from: host, to: host, address: "127.0.0.1" });
  const begin = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await host.ip("link set lo down");
  const down = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 500));
  await host.ip("link set lo up");
  const up = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const seen = await traffic.end();
  const quiet = flowWindow(seen, begin, down - 300);
  const outage = flowWindow(seen, down - 100, up + 100);
  assertEquals(quiet.lost, 0);
  assert(quiet.sent > 100, `${quiet.sent} sent`);
  assert(outage.lost > 50, JSON.stringify(outage));
});
