import { freshTunnel, type Section } from "../bench_lab.ts";
import type { LabHost } from "../../tests/lab/lab_host.ts";
import { benchPeer } from "../programs/bench_peer.ts";
import type { Series } from "../report/series.ts";
import { Session } from "../session.ts";
import { ownWays, type ProgramWay, rivalWays, WAY } from "../ways.ts";

/** Peers in a message of the Go program that gathers them. */
const BATCH = 32;

/** From an empty interface to all peers, each with a network and a route to it. */
export const COLD_START: Section = {
  name: "cold-start",
  async run(lab) {
    const series: Series[] = [];
    await using host = await lab.tunnelHost("cold-start");
    for (const peers of lab.sizes) {
      const [, , known] = rivalWays(lab.rivals);
      const gathering = { ...known!, name: WAY.gathering };
      const single = { ...known!, name: WAY.single };
      const [told, turn] = ownWays();
      for (let round = 0; round < lab.repeats; round++) {
        series.push(...await byFile(host, peers));
        series.push(...await byProgram(host, gathering, peers, BATCH));
        series.push(...await byProgram(host, single, peers, 0));
        series.push(...await byProgram(host, told!, peers, 0));
        series.push(...await wholeTurn(host, turn!, peers));
      }
    }
    return merged(series);
  },
};

async function byProgram(
  host: LabHost,
  { name: way, command }: ProgramWay,
  peers: number,
  batch: number,
): Promise<Series[]> {
  await freshTunnel(host);
  await using session = await Session.open(host, command);
  const filled = await session.ask({ op: "fill", count: peers, batch, wide: true });
  const share = { way, peers, unit: "ms" };
  const told = { ...share, what: "peers", values: filled.wallMs };
  if (way !== WAY.told) return [told]; // wgctrl knows no routes
  const { wallMs } = await session.ask({ op: "routes", count: peers });
  return [
    told,
    { ...share, what: "routes", values: wallMs },
    { ...share, what: "all", values: [filled.wallMs[0]! + wallMs[0]!] },
  ];
}

/** Judging the claims of all Nodes included. */
async function wholeTurn(host: LabHost, { name: way, command }: ProgramWay, peers: number) {
  await freshTunnel(host);
  await using session = await Session.open(host, command);
  const { wallMs } = await session.ask({ op: "fill", count: peers, wide: true });
  return [{ way, what: "all", peers, unit: "ms", values: wallMs }];
}

/** A shell tells how long each command took, so that entering the host is not counted. */
async function byFile(host: LabHost, peers: number): Promise<Series[]> {
  await freshTunnel(host);
  const all = Array.from({ length: peers }, (_, number) => benchPeer(number, false, true));
  const key = (await host.readFile("/etc/wireguard/key")).trim();
  await host.writeFile(
    "/etc/wireguard/all.conf",
    `[Interface]\nPrivateKey = ${key}\nListenPort = 51820\n` +
      all.map((peer) =>
        `[Peer]\nPublicKey = ${peer.publicKey}\nAllowedIPs = ${peer.allowedIPs.join(", ")}\n`
      ).join(""),
  );
  const routes = all.map(({ allowedIPs }) => `route add ${allowedIPs[1]} dev wg0\n`).join("");
  await host.writeFile("/etc/wireguard/routes", routes);
  const script = "now() { date +%s%N; }; cd /etc/wireguard; a=$(now); wg setconf wg0 all.conf; " +
    "b=$(now); ip -batch routes; c=$(now); echo $((b - a)) $((c - b))";
  const [set = NaN, routed = NaN] = (await host.run(["bash", "-ec", script])).trim().split(" ")
    .map((nanoseconds) => Number(nanoseconds) / 1e6);
  const share = { way: WAY.setconf, peers, unit: "ms" };
  return [
    { ...share, what: "peers", values: [set] },
    { ...share, what: "routes", values: [routed] },
    { ...share, what: "all", values: [set + routed] },
  ];
}

/** One series for each way, deed and number, with the values of all rounds. */
export function merged(series: readonly Series[]): Series[] {
  const groups = Map.groupBy(series, ({ way, what, peers }) => `${way}|${what}|${peers}`);
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    values: group.flatMap(({ values }) => values),
  }));
}
