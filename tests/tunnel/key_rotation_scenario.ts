import { assert, assertEquals } from "@std/assert";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";
import { progress } from "../lab/command.ts";
import { eventually } from "../lab/eventually.ts";
import { pause } from "../lab/pause.ts";
import { type Member, StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic } from "../lab/traffic.ts";
import { reaches } from "./join_scenario.ts";

/** WireGuard repeats a handshake after 5 s and a little (REKEY_TIMEOUT); a start takes a few seconds. */
const BOUND = 15_000;

/** New keys as docs/keys.md says, with packets from spoke to spoke through the hub. */
export async function keyRotationScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
): Promise<void> {
  await using stretched = await StretchedCluster.create({ contained: kind === "kernel" });
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  await reaches(stretched, two.host, "100.96.0.3");

  const shown = async ({ host }: Member, what: string) =>
    (await host.run(["wg", "show", "wg0", what])).trim();

  /** Has a machine begin anew with a new key in its file; tells when all have it. */
  async function rotate(
    member: Member,
    file: string,
    start: () => Promise<unknown>,
    peers: readonly Member[],
  ): Promise<void> {
    const old = await shown(member, "public-key");
    const key = await generatePrivateKey();
    const traffic = { from: two.host, to: three.host, address: "100.96.0.3" };
    const { sent, lost, longestGapMs } = await measureTraffic(traffic, async () => {
      await pause(500);
      await member.host.writeFile(file, printPrivateKey(key));
      await member.process.stop("SIGTERM");
      await start();
      await eventually(
        "the other side has the new key, and not the old one",
        async () => {
          const known = await Promise.all(peers.map((peer) => shown(peer, "peers")));
          return known.every((keys) => keys.includes(key.publicKey) && !keys.includes(old)) ||
            undefined;
        },
        () => stretched.logs(),
      );
      await reaches(stretched, two.host, "100.96.0.3");
      await pause(1000);
    });
    progress(`figure: new key of ${member.name}: ${lost} of ${sent} lost, gap ${longestGapMs} ms`);
    assertEquals(await shown(member, "public-key"), key.publicKey);
    assert(longestGapMs < BOUND, `${longestGapMs} ms\n${stretched.logs()}`);
  }

  await t.step(
    "a spoke begins with another key in its file: the hub takes it for the same",
    async () => {
      await rotate(three, "/etc/wireguard/private.key", () => {
        three.process = stretched.startSpoke(three.host, 3);
        return Promise.resolve();
      }, [hub]);
    },
  );

  await t.step("a hub begins with another key in its file: all spokes follow", async () => {
    await rotate(hub, "/var/lib/wg-kube/private.key", async () => {
      hub.process = await stretched.startHub(hub.host);
    }, [two, three]);
  });

  await t.step(
    "without its file a spoke keeps the interface's key, and writes it again",
    async () => {
      const key = await shown(three, "public-key");
      await three.host.run(["rm", "/etc/wireguard/private.key"]);
      await three.process.stop("SIGTERM");
      three.process = stretched.startSpoke(three.host, 3);
      await eventually(
        "the file",
        async () =>
          (await three.host.exec("test", ["-s", "/etc/wireguard/private.key"])).code === 0 ||
          undefined,
        () => stretched.logs(),
      );
      const written = await three.host.readFile("/etc/wireguard/private.key");
      const { stdout } = await three.host.exec("wg", ["pubkey"], { stdin: written });
      assertEquals(stdout.trim(), key);
    },
  );
}
