import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

const METRICS = `${HUB.internal}:9588`;
const DOCS = new URL("../../docs/metrics.md", import.meta.url);

/** The commands of the page that keep others away from the metrics. */
async function firewall(): Promise<string[]> {
  const block = /```sh\n(nft .*?)```/s.exec(await Deno.readTextFile(DOCS))!;
  return block[1]!.trim().split("\n");
}

/** What a machine gets of the hub's metrics; undefined if nothing. */
async function scrape(host: LabHost): Promise<string | undefined> {
  const script = `const signal = AbortSignal.timeout(3000);
    console.log(await (await fetch("http://${METRICS}/metrics", { signal })).text())`;
  const { code, stdout } = await host.exec(Deno.execPath(), ["eval", "--no-config", script]);
  return code === 0 ? stdout : undefined;
}

Deno.test("a hub's metrics at its node's address are read by spokes, too, until the firewall of the docs is there", async () => {
  // As overlays/monitoring has it.
  await using stretched = await StretchedCluster.create({
    hubArguments: { "metrics-address": METRICS },
  });
  const hub = await stretched.addHub();
  const spoke = await stretched.addSpoke(2);
  await reaches(stretched, spoke.host, HUB.tunnel);
  const read = await eventually(
    "the spoke reads them",
    () => scrape(spoke.host),
    () => stretched.logs(),
  );
  assertStringIncludes(read, 'wireguard_latest_handshake_seconds{interface="wg0"');
  assertStringIncludes(read, 'node="edge-2"');
  assertNotEquals(await scrape(hub.host), undefined);

  const commands = await firewall();
  assertEquals(commands.length, 4);
  // Whoever may is of the pods' network: here that is the hub's own node.
  const script = commands.join("\n").replace("10.244.0.0/16", `${HUB.internal}/32`);
  assert(script.includes(HUB.internal));
  await hub.host.run(["sh", "-e", "-c", script]);
  assertEquals(await scrape(spoke.host), undefined);
  assertNotEquals(await scrape(hub.host), undefined);
  await reaches(stretched, spoke.host, HUB.tunnel);
});
