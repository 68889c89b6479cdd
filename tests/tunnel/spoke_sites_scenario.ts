import { assert, assertEquals } from "@std/assert";
import { QUIET, SILENCE } from "../../lib/spoke/site_link.ts";
import { generatePrivateKey, printPrivateKey } from "../../lib/wireguard/key.ts";
import { eventually } from "../lab/eventually.ts";
import { LabHost } from "../lab/lab_host.ts";
import { pause } from "../lab/pause.ts";
import { sharedUnderlay } from "../lab/shared_lab.ts";
import { HUB, type Member, StretchedCluster } from "../lab/stretched_cluster.ts";
import { measureTraffic } from "../lab/traffic.ts";
import { Underlay } from "../lab/underlay.ts";
import { reaches } from "./join_scenario.ts";

const SITE = "rack-7";
/** Nobody's, so that what is sent to it arrives nowhere. */
const NOBODYS_MAC = "02:00:00:00:00:99";
/** Datagrams a second in each direction. */
const RATE = 100;

const tunnel = (number: number) => `100.96.0.${number}`;
const place = (number: number) => `10.9.0.${number}`;
/**
 * Spokes 2, 3 and later 4 share a site with a network of its own; 5 is elsewhere. The real API server,
 * the shipped policies. With the kernel's WireGuard all of it; what rests on our own clock alone is
 * left out of the other run.
 */
export async function spokeSitesScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
): Promise<void> {
  await using site = await Underlay.create();
  await using stretched = await StretchedCluster.create({ contained: kind === "kernel" });
  const hub = await stretched.addHub();
  const isWhole = kind === "kernel";
  const env = (number: number) => ({ WG_SITE: SITE, WG_VPC_IP: place(number) });
  const addPeer = (number: number) => stretched.addSpoke(number, { env: env(number) });
  const plugIn = ({ host }: Member, number: number) =>
    site.attach(host, `${place(number)}/24`, { device: "eth1" });
  const [two, three] = [await addPeer(2), await addPeer(3)];
  await stretched.addSpoke(5);
  const until = (what: string, ask: () => Promise<boolean>, limit?: number) =>
    eventually(what, async () => await ask() || undefined, () => stretched.logs(), limit);
  const isDirect = async ({ host }: Member, number: number) =>
    (await host.run(["wg", "show", "wg0", "allowed-ips"])).includes(`\t${tunnel(number)}/32`);
  const areDirect = async (a: Member, numberOfA: number, b: Member, numberOfB: number) =>
    await isDirect(a, numberOfB) && await isDirect(b, numberOfA);
  const neitherIsDirect = async (a: Member, numberOfA: number, b: Member, numberOfB: number) =>
    !await isDirect(a, numberOfB) && !await isDirect(b, numberOfA);
  const traffic = (from: Member, to: Member, number: number, during: () => Promise<unknown>) =>
    measureTraffic({ from: from.host, to: to.host, address: tunnel(number), rate: RATE }, during);
  const losesNothing = async (during: () => Promise<unknown>) => {
    const { sent, lost, refused } = await traffic(two, three, 3, during);
    assert(sent > RATE, `${sent}`);
    assertEquals({ lost, refused }, { lost: 0, refused: 0 }, stretched.logs());
  };

  await t.step("peers say their site and place, and begin through the hub", async () => {
    await reaches(stretched, two.host, tunnel(3));
    await reaches(stretched, two.host, tunnel(5));
    const { site, "vpc-ip": vpcIP } = await stretched.published("edge-2");
    assertEquals([site, vpcIP], [SITE, place(2)]);
    assertEquals((await stretched.published("edge-5")).site, undefined);
    assert(!await isDirect(two, 3));
  });

  await t.step("when they see each other, they change over at one moment", async () => {
    const during = Promise.withResolvers<void>();
    const both = Promise.all([
      traffic(two, three, 3, () => during.promise),
      traffic(three, two, 2, () => during.promise),
    ]);
    await plugIn(two, 2);
    await plugIn(three, 3);
    await until("both are direct", () => areDirect(two, 2, three, 3));
    await pause(1000);
    during.resolve();
    const results = await both;
    for (const { sent, lost } of results) {
      assert(sent > RATE, `${sent}`);
      // Looks are a second apart: without the handshake as a common clock, the ends would be, too.
      // The one CPU of user-mode Linux, where it is busy, keeps either end waiting.
      assert(lost <= (kind === "kernel" ? RATE : RATE / 4), `${lost} of ${sent}`);
    }
  });

  await t.step("without the hub they go on, and reach nobody else", async () => {
    await hub.host.ip("link set eth0 down");
    await losesNothing(() => pause(1000));
    assert((await two.host.exec("ping", ["-c", "1", "-W", "1", tunnel(5)])).code !== 0);
    await hub.host.ip("link set eth0 up");
    await reaches(stretched, two.host, tunnel(5));
  });

  await t.step("one that is killed and started again loses nothing", async () => {
    await losesNothing(async () => {
      await two.process.stop("SIGKILL");
      two.process = stretched.startSpoke(two.host, 2, { env: env(2) });
      await two.process.waitForLine(/site peer: reached directly/);
      await pause(2000);
    });
    assert(!two.process.output.includes("through the hub"), two.process.output);
  });

  const four = await addPeer(4);
  await t.step("one that joins late is reached directly, with its routes", async () => {
    await plugIn(four, 4);
    for (const [peer, number] of [[two, 2], [three, 3]] as const) {
      await until(`${peer.name} and edge-4`, () => areDirect(peer, number, four, 4));
      const routes = await peer.host.run(["ip", "route", "show", "dev", "wg0", "proto", "87"]);
      assert(routes.includes(`${tunnel(4)} `), routes);
    }
    await hub.host.ip("link set eth0 down");
    await reaches(stretched, four.host, tunnel(2));
    await hub.host.ip("link set eth0 up");
  });

  await t.step(
    "who claims the hub's address, or another's, is refused and told, and changes nothing",
    async () => {
      const peers = () => two.host.run(["wg", "show", "wg0", "allowed-ips"]);
      const before = (await peers()).split("\n").sort();
      await losesNothing(async () => {
        for (
          const [name, claims] of [
            ["liar-1", `${tunnel(1)}/32`],
            ["liar-2", `${tunnel(77)}/32,${tunnel(3)}/32`],
            ["liar-3", `${tunnel(5)}/32`],
            ["liar-4", `${HUB.internal}/32`],
            ["liar-5", "100.96.0.0/16"],
          ] as const
        ) {
          await stretched.addNode(name, {
            labels: { [`${stretched.prefix}peer`]: "true", [`${stretched.prefix}site`]: SITE },
            annotations: {
              [`${stretched.prefix}public-key`]: (await generatePrivateKey()).publicKey,
              [`${stretched.prefix}allowed-ips`]: claims,
              [`${stretched.prefix}vpc-ip`]: place(66),
            },
          });
          await two.process.waitForLine(new RegExp(`refused what a node asks for.*${name}`));
        }
      });
      assertEquals((await peers()).split("\n").sort(), before);
      await reaches(stretched, two.host, tunnel(5));
    },
  );

  await t.step(
    "one that leaves the site is reached through the hub again, and says no site",
    async () => {
      const { sent, lost } = await traffic(four, two, 2, async () => {
        await four.process.stop();
        four.process = stretched.startSpoke(four.host, 4);
        await until("2 and 4 are apart", () => neitherIsDirect(two, 2, four, 4));
        await pause(1000);
      });
      // The others refuse what comes by the hub until they have heard that it has left.
      assert(lost <= 3 * RATE, `${lost} of ${sent}\n${stretched.logs()}`);
      const { site, "vpc-ip": vpcIP } = await stretched.published("edge-4");
      assertEquals([site, vpcIP], [undefined, undefined]);
      await four.process.stop();
      four.process = stretched.startSpoke(four.host, 4, { env: env(4) });
      await until("2 and 4 are direct again", () => areDirect(two, 2, four, 4));
    },
  );

  /** What one sends the other directly arrives nowhere; or, in the end, again. */
  const deafen = (from: Member, number: number) =>
    from.host.ip(`neigh replace ${place(number)} lladdr ${NOBODYS_MAC} dev eth1 nud permanent`);
  const mend = (from: Member, number: number) =>
    from.host.ip(`neigh del ${place(number)} dev eth1`);
  await t.step(
    "a peer dies, or one direction does: both ends go back to the hub, and no other",
    async () => {
      await losesNothing(async () => {
        await Promise.all([deafen(two, 4), deafen(four, 2), ...isWhole ? [deafen(four, 3)] : []]);
        await pause(SILENCE - 15_000);
        assert(await areDirect(two, 2, four, 4));
        await until("2 and 4 go back", () => neitherIsDirect(two, 2, four, 4));
        await reaches(stretched, two.host, tunnel(4));
        await Promise.all([mend(two, 4), mend(four, 2)]);
        if (!isWhole) return;
        await until("3 goes back, which hears nothing", async () => !await isDirect(three, 4));
        await pause(SILENCE - 15_000);
        await until(
          "4 goes back, which heard 3 until then",
          () => neitherIsDirect(three, 3, four, 4),
        );
        await reaches(stretched, three.host, tunnel(4));
      });
      assert(await areDirect(two, 2, three, 3));
    },
  );

  if (!isWhole) return;
  await t.step("when they see each other again, both come back", async () => {
    // Each end's quiet time has just begun, or is nearly over: that depends on when it fell silent.
    await until("2 and 4 are direct", () => areDirect(two, 2, four, 4), QUIET + 30_000);
    await reaches(stretched, two.host, tunnel(4));
  });

  await t.step(
    "one that runs the original's script is reached directly, with the new key of its next start, too",
    async () => {
      await using six = await originalSpoke(stretched, site);
      for (const start of ["first", "second"]) {
        await six.start();
        await until(
          `it is reached directly, ${start} start`,
          async () =>
            (await two.host.run(["wg", "show", "wg0", "allowed-ips"]))
              .includes(`${six.publicKey}\t${tunnel(6)}/32`),
        );
        await hub.host.ip("link set eth0 down");
        await reaches(stretched, six.host, tunnel(2));
        await reaches(stretched, two.host, tunnel(6));
        await hub.host.ip("link set eth0 up");
      }
    },
  );
}

/** Spoke 6, set up as the original's script does it with WG_SITE: by wg-quick, all peers at once. */
async function originalSpoke(stretched: StretchedCluster, site: Underlay) {
  const host = await LabHost.create("edge-6");
  await sharedUnderlay().attach(host, "203.0.113.6/24");
  await site.attach(host, `${place(6)}/24`, { device: "eth1" });
  const prefixed = (values: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [stretched.prefix + key, value]),
    );
  const keyOf = async (name: string) => (await stretched.published(name))["public-key"]!;
  const peer = (key: string, endpoint: string, allowedIPs: string) =>
    `[Peer]\nPublicKey = ${key}\nEndpoint = ${endpoint}:51820\nAllowedIPs = ${allowedIPs}\n` +
    "PersistentKeepalive = 25\n";
  let publicKey = "";
  return {
    host,
    get publicKey() {
      return publicKey;
    },
    /** Each start makes another key. */
    async start(): Promise<void> {
      const isFirst = publicKey === "";
      if (!isFirst) await host.run(["wg-quick", "down", "wg0"]);
      const key = await generatePrivateKey();
      publicKey = key.publicKey;
      const hub = await stretched.published(HUB.node);
      await host.writeFile(
        "/etc/wireguard/wg0.conf",
        `[Interface]\nAddress = ${tunnel(6)}/32\nListenPort = 51820\n` +
          `PrivateKey = ${printPrivateKey(key)}\n` +
          peer(hub["public-key"]!, HUB.external, hub["allowed-ips"]!) +
          peer(await keyOf("edge-2"), place(2), `${tunnel(2)}/32`),
      );
      await host.run(["wg-quick", "up", "wg0"]);
      if (!isFirst) return await stretched.annotate("edge-6", { "public-key": publicKey });
      await stretched.addNode("edge-6", {
        internalIPs: [tunnel(6)],
        labels: prefixed({ peer: "true", site: SITE }),
        annotations: prefixed({
          "public-key": publicKey,
          "allowed-ips": `${tunnel(6)}/32`,
          "vpc-ip": place(6),
        }),
      });
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}
