import { assert, assertEquals, assertMatch } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { setNodeStatus } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { kubeletCredentials } from "../lab/kubelet_credentials.ts";
import { bundleOf, HUB, SECOND_HUB, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

/** As much of `--output json` as is looked at. */
interface Check {
  readonly name: string;
  readonly outcome: string;
  readonly found: string;
  readonly remedy: string | null;
}

interface Diagnosed {
  readonly code: number;
  readonly checks: ReadonlyMap<string, Check>;
  readonly text: string;
}

/** What a check is to say of what was broken: how it goes, and a part of what it finds. */
type Told = Readonly<Record<string, readonly [outcome: string, found: RegExp]>>;

/** The API server on the underlay, and the address of a station that is not there. */
const API = "203.0.113.100 dev eth0";
const NOBODY = "02:00:00:00:00:99";
const SPOKE_NUMBER = 2;

/** Things are broken, several at a time, and the doctor of hub or spoke names each of them. */
export async function doctorScenario(
  t: Deno.TestContext,
  kind: "kernel" | "userspace",
): Promise<void> {
  await using stretched = await StretchedCluster.create({ contained: kind === "kernel" });
  const { cluster, admin, prefix } = stretched;
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(SPOKE_NUMBER);
  await two.host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  await reaches(stretched, two.host, HUB.tunnel);

  await t.step("what works is well, and neither doctor changes anything", async () => {
    const before = await kernelState();
    for (const diagnose of [hubDoctor, spokeDoctor]) {
      const { checks, code, text } = await settled(diagnose, 0);
      const ill = [...checks.values()].filter(({ outcome }) => /failed|warning/.test(outcome));
      assertEquals([code, ill], [0, []], text);
      const skipped = [...checks.values()].filter(({ outcome }) => outcome === "skipped");
      assertEquals(skipped.map(({ name }) => name), ["Cilium"], text); // nobody may read that
    }
    assertEquals(await kernelState(), before);
  });

  await t.step("for people, it is a line for each check", async () => {
    await using process = await stretched.startHub(hub.host, ["doctor"]);
    assertEquals(await process.exitCode(), 0);
    assertMatch(process.output, /^hub hub-1, version /);
    assertMatch(process.output, /^ok +forwarding +on for IPv4$/m);
    assertMatch(
      process.output,
      /^ok +rights +may get nodes, list nodes, watch nodes, patch nodes/m,
    );
    assertMatch(process.output, /^\d+ ok, 0 warning, 0 failed, 1 skipped$/m);
    assert(!process.output.includes("\x1b"), "colours belong to terminals");
  });

  await t.step("hub doctor names what is wrong with the machine", async () => {
    const { host } = hub;
    await host.run(["sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv4.conf.wg0.rp_filter=1"]);
    const chain = "type filter hook forward priority 0; policy drop;";
    await host.run(["nft", `add table ip filter; add chain ip filter FORWARD { ${chain} }`]);
    await host.ip(
      "link add cilium_host mtu 1500 type bridge", // a device of that name is enough
      "route add 100.96.0.2/32 dev cluster0 table 100",
      "rule add to 100.96.0.2 lookup 100 priority 100",
    );
    expectTold(await hubDoctor(), 1, {
      "forwarding": ["failed", /off for IPv4/],
      "rp_filter": ["warning", /strict \(all \d, wg0 1\)/],
      "firewall": ["warning", /ip filter FORWARD drops/],
      "MTU": ["warning", /cilium_host has 1500/],
      "routes": ["failed", /100\.96\.0\.2\/32 leaves by cluster0/],
      "interface": ["ok", /wg0 is up/],
    });
    await host.ip("rule del priority 100", "link del cilium_host");
    await host.run(["nft", "delete table ip filter"]);
    await host.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.wg0.rp_filter=0"]);
    await settled(hubDoctor, 0);
  });

  await t.step("hub and spoke doctor name what is wrong with Nodes and rights", async () => {
    const { "public-key": key } = await stretched.published(two.name);
    const { "public-key": hubKey } = await stretched.published(HUB.node);
    const named = (keys: Record<string, string>) =>
      Object.fromEntries(Object.entries(keys).map(([name, value]) => [`${prefix}${name}`, value]));
    const peer = named({ peer: "true" });
    await stretched.addNode(SECOND_HUB.node, {
      labels: named({ hub: "true" }),
      annotations: named({
        "public-key": hubKey!,
        endpoint: `${SECOND_HUB.external}:51820`,
        "allowed-ips": "100.96.0.0/12",
      }),
    });
    await stretched.addNode("edge-8", {
      labels: peer,
      annotations: named({ "public-key": key!, "allowed-ips": "100.96.0.8/32" }),
    });
    await setNodeStatus(admin, HUB.node, {
      internalIPs: ["172.30.0.4"],
      externalIPs: [HUB.external],
    });
    await setNodeStatus(admin, two.name, { internalIPs: ["192.168.9.9"] });
    await cluster.kubectl(["delete", "clusterrolebinding", "wireguard-spoke"]);
    await cluster.kubectl(["delete", "rolebinding", "-n", "default", "wireguard-hub-events"]);
    await two.host.ip(`route add ${HUB.external}/32 dev wg0`);
    await untilTold(hubDoctor, 1, {
      "rights": ["failed", /may not create events in default/],
      "allowed-ips": ["warning", /InternalIP 172\.30\.0\.4\/32/],
      "hubs": ["warning", /hub-1, hub-2 are labelled/],
      "claims": ["warning", /edge-8's public-key \S+ is held by node edge-2/],
    });
    await untilTold(spokeDoctor, 1, {
      "rights": ["failed", /^may not list nodes, watch nodes$/],
      "node-ip": ["warning", /192\.168\.9\.9 is not on wg0/],
      "endpoints": ["failed", /203\.0\.113\.1 is reached through wg0 itself/],
    });
    await two.host.ip(`route del ${HUB.external}/32 dev wg0`);
    const rbac = new URL("../../deploy/rbac.yaml", import.meta.url).pathname;
    await cluster.kubectl(["apply", "-f", rbac]);
    await setNodeStatus(admin, two.name, { internalIPs: ["100.96.0.2"] });
    await untilTold(spokeDoctor, 1, {
      "rights": ["ok", /list nodes/],
      "node-ip": ["ok", /100\.96\.0\.2 is on wg0/],
      "endpoints": ["ok", /by eth0/],
      "own claim": ["failed", /node edge-8 has this machine's public key/],
    });
  });

  await t.step("a hub without an endpoint is told from one without an ExternalIP", async () => {
    await setNodeStatus(admin, HUB.node, { internalIPs: [HUB.internal] });
    await stretched.annotate(HUB.node, { endpoint: null });
    await untilTold(hubDoctor, 1, {
      "own Node": ["failed", /says no endpoint.*no ExternalIP/],
      "hub": ["warning", /not ready; no ExternalIP/],
      "allowed-ips": ["ok", /hold what spokes need/],
    });
  });

  await t.step("an expired certificate, and an API that never answers, in time", async () => {
    await kubeletCredentials(cluster, two.name, { notAfter: new Date(Date.now() - 1000) });
    await untilTold(spokeDoctor, 1, {
      "API": ["failed", /does not take the credential \(401\)/],
      "credential": ["failed", /the certificate expired/],
      "rights": ["skipped", /did not say/],
      "interface": ["ok", /wg0 is up/],
    });
    await kubeletCredentials(cluster, two.name);
    await two.host.ip(`neigh replace ${API} lladdr ${NOBODY} nud permanent`);
    const begin = performance.now();
    expectTold(await spokeDoctor(), 1, {
      "API": ["failed", /no answer for 3 s/],
      "credential": ["ok", /the certificate is valid/],
      "own Node": ["skipped", /API/],
    });
    const took = performance.now() - begin;
    assert(took < 30_000, `${took} ms`);
    await two.host.ip(`neigh del ${API}`);
  });

  await t.step(
    "without a spoke: a tunnel too wide, no tunnel, a port taken, no right",
    async () => {
      assertEquals(await two.process.stop("SIGTERM"), 0);
      await two.host.ip("link set wg0 mtu 1500");
      expectTold(await spokeDoctor(), 1, { "MTU": ["failed", /carries 1500, which leaves 1440/] });
      await two.host.ip("link del wg0");
      const script =
        "Deno.listenDatagram({ port: 51820, transport: 'udp', hostname: '0.0.0.0' });" +
        "console.log('taken'); setTimeout(() => {}, 1e6);";
      const denoArguments = ["eval", "--no-config", "--unstable-net", script];
      await using thief = two.host.spawn(Deno.execPath(), denoArguments);
      await thief.waitForLine(/^taken$/);
      expectTold(await spokeDoctor(), 1, {
        "interface": ["failed", /there is no wg0/],
        "UDP port": ["failed", /51820 is taken/],
        "peers": ["skipped", /interface/],
      });
      const plain = ["capsh", "--drop=cap_net_admin", "--", "-c", 'exec "$0" "$@"'];
      expectTold(await spokeDoctor(...plain), 1, { "capability": ["failed", /no CAP_NET_ADMIN/] });
    },
  );

  async function hubDoctor(): Promise<Diagnosed> {
    const command = ["doctor", "--output=json"];
    await using process = await stretched.startHub(hub.host, command);
    return diagnosed(await process.exitCode(), process.output);
  }

  async function spokeDoctor(...wrapper: string[]): Promise<Diagnosed> {
    const deno = [Deno.execPath(), ...runArguments("spoke", bundleOf("spoke"))];
    const [program, ...args] = [...wrapper, ...deno, "doctor", "--output=json"];
    const env = { WG_ADDRESS: `100.96.0.${SPOKE_NUMBER}/32` };
    const { code, stdout, stderr } = await two.host.exec(program!, args, { env });
    return diagnosed(code, stdout + stderr);
  }

  /** What a look could change: links, addresses, routes, rules. */
  async function kernelState(): Promise<string[]> {
    const commands = ["link", "addr", "route show table all", "rule"].map((what) =>
      what.split(" ")
    );
    return await Promise.all(
      [hub, two].flatMap(({ host }) => commands.map((what) => host.run(["ip", "-o", ...what]))),
    );
  }

  /** What was broken may take a moment to be known everywhere. */
  async function untilTold(
    diagnose: () => Promise<Diagnosed>,
    code: number,
    told: Told,
  ): Promise<void> {
    let last: Diagnosed | undefined;
    const isTold = ({ checks }: Diagnosed) =>
      Object.entries(told).every(([name, [outcome, found]]) =>
        checks.get(name)?.outcome === outcome && found.test(checks.get(name)!.found)
      );
    await eventually("the doctor tells", async () => {
      last = await diagnose();
      return isTold(last) || undefined;
    }, () => last?.text ?? "");
    expectTold(last!, code, told);
  }

  async function settled(diagnose: () => Promise<Diagnosed>, code: number): Promise<Diagnosed> {
    let last: Diagnosed | undefined;
    return await eventually("all is well", async () => {
      last = await diagnose();
      return last.code === code ? last : undefined;
    }, () => `${last?.text}\n${stretched.logs()}`);
  }
}

function diagnosed(code: number, text: string): Diagnosed {
  const { checks } = JSON.parse(text) as { readonly checks: readonly Check[] };
  return { code, text, checks: new Map(checks.map((check) => [check.name, check])) };
}

function expectTold({ code, checks, text }: Diagnosed, status: number, told: Told): void {
  for (const [name, [outcome, found]] of Object.entries(told)) {
    const check = checks.get(name);
    if (!check) throw new Error(`${name} is missing:\n${text}`);
    assertEquals([name, check.outcome], [name, outcome], check.found);
    assertMatch(check.found, found);
  }
  assertEquals(code, status, text);
}
