/** The traps of changing prefixes, by the counters of the hub's interface: full traffic both ways. */
import { assertEquals, assertGreater } from "@std/assert";
import { HubBench, type Peer } from "../lab/hub_bench.ts";
import { pause } from "../lab/pause.ts";
import { measureTraffic } from "../lab/traffic.ts";

const ROUNDS = 60;
const MORE = Array.from({ length: 40 }, (_, index) => `10.50.${index}.0/24`);

Deno.test("prefixes that are narrowed, widened and moved leave those that stay without a gap", async (t) => {
  await using bench = await HubBench.create();
  const two = await bench.addPeer(231, MORE);
  const three = await bench.addPeer(232);
  const own = `${two.address}/32`;
  await bench.shows(two.publicKey, [own, ...MORE]);

  /** Both ways, at a rate that the guest bears; neither may lose a packet. */
  async function bothWays(during: () => Promise<void>): Promise<void> {
    const before = await bench.errors();
    const send = (from: Peer, to: Peer, act: () => Promise<void>) =>
      measureTraffic({ from: from.host, to: to.host, address: to.address, rate: 300 }, act);
    const acting = Promise.withResolvers<void>();
    const results = await Promise.all([
      send(two, three, during).finally(() => acting.resolve()), // also if it could not begin
      send(three, two, () => acting.promise),
    ]);
    for (const { sent, lost, refused, duplicated } of results) {
      assertGreater(sent, 300);
      assertEquals({ lost, refused, duplicated }, { lost: 0, refused: 0, duplicated: 0 });
    }
    assertEquals(await bench.errors(), before);
  }
  const says = (name: string, ...prefixes: string[]) =>
    bench.annotate(name, { "allowed-ips": prefixes.join() });

  await t.step("a peer that is narrowed and widened again and again keeps the rest", async () => {
    await bothWays(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await says("peer-231", own, ...MORE.slice(0, round % 2 === 0 ? 1 : 40));
        await pause(50);
      }
      await bench.shows(two.publicKey, [own, ...MORE]);
    });
  });

  await t.step("prefixes that move to another peer and back leave the rest with each", async () => {
    const key = await bench.addNode("other", { "allowed-ips": "10.60.0.0/24" });
    await bothWays(async () => {
      for (let round = 0; round < ROUNDS / 4; round++) {
        await says("peer-231", own);
        await says("other", "10.60.0.0/24", ...MORE);
        await pause(100);
        await says("other", "10.60.0.0/24");
        await says("peer-231", own, ...MORE);
        await pause(100);
      }
      await bench.shows(key, ["10.60.0.0/24"]);
      await bench.shows(two.publicKey, [own, ...MORE]);
    });
  });

  await t.step("20 peers of 60 prefixes each come, are narrowed to one, and go", async () => {
    await bothWays(async () => {
      const many = Array.from({ length: 60 }, (_, at) => `10.70.${at}.0/24`);
      const names = Array.from({ length: 20 }, (_, at) => `many-${at}`);
      const prefixesOf = (at: number) => many.map((one) => one.replace("10.70", `10.${100 + at}`));
      const keys = await Promise.all(
        names.map((name, at) => bench.addNode(name, { "allowed-ips": prefixesOf(at).join() })),
      );
      await bench.showsAll(keys, prefixesOf);
      for (const [at, name] of names.entries()) await says(name, prefixesOf(at)[0]!);
      await bench.showsAll(keys, (at) => prefixesOf(at).slice(0, 1));
      await bench.deleteNodes(...names);
      await bench.showsAll(keys, () => undefined);
    });
  });
});
