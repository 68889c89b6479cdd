/**
 * A lab broken in eleven ways, one at a time. Whoever is on call has the README alone and types at
 * most two commands: they have to show the cause, and what to type is typed as it stands.
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { runArguments } from "../../tasks/permissions.ts";
import { setNodeStatus } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { kubeletCredentials } from "../lab/kubelet_credentials.ts";
import {
  bundleOf,
  HUB,
  type Member,
  SECOND_HUB,
  type SpokeOptions,
  StretchedCluster,
} from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

/** A command that somebody types, to its end: what it prints. */
type Command = () => Promise<string>;

/** The API server on the underlay, and the address of a station that is not there. */
const API = "203.0.113.100 dev eth0";
const NOBODY = "02:00:00:00:00:99";
const KEY_FILE = "/etc/wireguard/private.key";
const RBAC = new URL("../../deploy/rbac.yaml", import.meta.url).pathname;

Deno.test("what is broken shows within two commands, in eleven ways", async (t) => {
  await using stretched = await StretchedCluster.create();
  const { cluster, admin, prefix } = stretched;
  const hub = await stretched.addHub();
  const two = await stretched.addSpoke(2);
  const three = await stretched.addSpoke(3);
  for (const { host } of [two, three]) await reaches(stretched, host, HUB.tunnel);

  await t.step("1. MTU: of the network plugin, and of the tunnel", async () => {
    await hub.host.ip("link add cilium_host mtu 1500 type bridge"); // a device of that name is enough
    await shows(
      [hubSays("doctor")],
      /^warning +MTU +cilium_host has 1500.*\n +→ set MTU: 1420 in/m,
    );
    await hub.host.ip("link del cilium_host");
    await restarted(two, { WG_MTU: "1500" });
    await shows(
      [spokeSays(two, "status"), spokeSays(two, "doctor")],
      /^interface +wg0: up, kernel, MTU 1500/m,
      /^failed +MTU +wg0 has 1500, but the way to 203\.0\.113\.1 .*\n +→ set --mtu \(WG_MTU\) to 1420/m,
    );
    await restarted(two);
  });

  await t.step(
    "2. firewall: of the tunnel's packets, and of those that are forwarded",
    async () => {
      const table = "add table inet filter; add chain inet filter";
      const drop = "add rule inet filter input udp dport 51820 drop";
      await hub.host.run(["nft", `${table} input { type filter hook input priority 0; }; ${drop}`]);
      await restarted(two);
      const told = await shows(
        [spokeSays(two, "doctor"), hubSays("doctor")],
        /^failed +peers +hub-1 has never shaken hands\n +→ UDP to 203\.0\.113\.1:51820 must pass/m,
        /^failed +firewall +a rule of inet filter input drops UDP port 51820$/m,
      );
      await typed(hub.host, /→ (nft delete rule .*?);/, told);
      await reaches(stretched, two.host, HUB.tunnel);
      await hub.host.run(["nft", "add rule inet filter input ct state established accept"]);
      await hub.host.run(["nft", "add rule inet filter input reject"]); // as firewalld's chains end
      const closed = await shows(
        [hubSays("doctor")],
        /^warning +firewall +inet filter input drops .* none lets UDP port 51820 in/m,
      );
      await typed(hub.host, /→ (nft insert rule .*?);/, closed);
      await shows([hubSays("doctor")], /^ok +firewall/m);
      await hub.host.run(["nft", "delete table inet filter"]);

      const hook = "type filter hook forward priority 0; policy drop;";
      await hub.host.run(["nft", `${table} forward { ${hook} }`]);
      const forward = await shows(
        [hubSays("doctor")],
        /^warning +firewall +inet filter forward drops/m,
      );
      await typed(hub.host, /through: (nft insert rule .*)/, forward);
      await shows([hubSays("doctor")], /^ok +firewall/m);
      await reaches(stretched, two.host, "100.96.0.3");
      await hub.host.run(["nft", "delete table inet filter"]);
    },
  );

  await t.step("3. rp_filter", async () => {
    await hub.host.run(["sysctl", "-qw", "net.ipv4.conf.wg0.rp_filter=1"]);
    const told = await shows([hubSays("doctor")], /^warning +rp_filter +strict \(all \d, wg0 1\)/m);
    await typed(hub.host, /→ (sysctl -w \S+rp_filter=2);/, told);
    const now = await hub.host.run(["sysctl", "-n", "net.ipv4.conf.wg0.rp_filter"]);
    assertEquals(now.trim(), "2");
  });

  await t.step("4. wrong RBAC: of the kubelets, and of the hub", async () => {
    const bindings = ["clusterrolebinding", "wireguard-spoke", "wireguard-hub"];
    await cluster.kubectl(["delete", ...bindings]);
    await shows(
      [spokeSays(two, "status"), spokeSays(two, "doctor")],
      /^API .*: may not read Nodes: apply deploy\/rbac\.yaml \(/m,
      /^failed +rights +may not list nodes, watch nodes\n +→ kubectl apply -f deploy\/rbac\.yaml/m,
    );
    await shows(
      [hubSays("status"), hubSays("doctor")],
      /^API .*: may not read Nodes: apply deploy\/rbac\.yaml \(/m,
      /^failed +rights .*patch nodes\n +→ kubectl apply -f deploy\/rbac\.yaml/m,
    );
    await cluster.kubectl(["apply", "-f", RBAC]);
  });

  await t.step("5. expired certificate", async () => {
    await kubeletCredentials(cluster, two.name, { notAfter: new Date(Date.now() - 1000) });
    await shows(
      [spokeSays(two, "status"), spokeSays(two, "doctor")],
      /^API .*: 401 Unauthorized \(the credential has expired/m,
      /^failed +credential +the certificate expired .* ago, at .*\n +→ does the kubelet run/m,
    );
    await kubeletCredentials(cluster, two.name);
  });

  await t.step("6. two hubs", async () => {
    await stretched.addNode(SECOND_HUB.node, {
      internalIPs: [SECOND_HUB.internal],
      labels: { [`${prefix}hub`]: "true" },
    });
    const told = await shows(
      [spokeSays(two, "status"), hubSays("doctor")],
      /^hubs +hub-1 \(active\), hub-2$/m,
      /^warning +hubs +hub-1, hub-2 are labelled as hubs: hub-1 serves, hub-2 stands by$/m,
    );
    const [, command] = /that is meant: kubectl (label node .*)/.exec(told)!;
    await cluster.kubectl(command!.split(" "));
    await shows([spokeSays(two, "status")], /^hubs +hub-1 \(active\)$/m);
  });

  await t.step("7. duplicate key, by a copied disk", async () => {
    const own = await three.host.readFile(KEY_FILE);
    await three.process.stop("SIGTERM");
    await three.host.writeFile(KEY_FILE, await two.host.readFile(KEY_FILE));
    await restarted(three);
    await shows(
      [hubSays("status"), spokeSays(three, "doctor")],
      /^edge-3 +refused /m,
      /^edge-3: public-key \S+ is refused: is held by node edge-2$/m,
      /^failed +own claim +node edge-2 has this machine's public key, .*\n +→ on one of the two: head/m,
    );
    await shows(
      [described("edge-3")],
      /ClaimRefused .* hub hub-1 refuses public-key \S+: is held by node edge-2/,
    );
    await three.host.writeFile(KEY_FILE, own);
    await restarted(three);
    await shows([hubSays("status")], /^edge-3 +up /m);
  });

  await t.step("8. overlapping prefix: another spoke's, and one of the hub's network", async () => {
    await restarted(three, { WG_ADDRESS: "100.96.0.2/32" });
    await shows(
      [hubSays("status"), spokeSays(three, "doctor")],
      /^edge-3: allowed-ips 100\.96\.0\.2\/32 is refused: overlaps 100\.96\.0\.2\/32, which node edge-2/m,
      /^failed +own claim +100\.96\.0\.2\/32 overlaps .* node edge-2 .*\n +→ .*--address \(WG_ADDRESS\)/m,
    );
    await restarted(three, { WG_ALLOWED_IPS: "100.96.0.3/32,172.16.7.0/24" });
    await shows(
      [spokeSays(three, "doctor"), described("edge-3")],
      /^ok +claims +nothing is refused here; what the hub refuses: kubectl describe node edge-3$/m,
      /refuses allowed-ips 172\.16\.7\.0\/24: overlaps 172\.16\.0\.0\/16, which the hub reaches by/,
    );
    await restarted(three);
  });

  await t.step("9. no ExternalIP", async () => {
    await setNodeStatus(admin, HUB.node, { internalIPs: [HUB.internal] });
    await stretched.annotate(HUB.node, { endpoint: null });
    await shows(
      [spokeSays(two, "doctor"), hubSays("doctor")],
      /^failed +hubs +hub-1: none has published key and endpoint\n +→ see hub doctor there/m,
      /^failed +own Node +hub-1 says no endpoint: .*no ExternalIP.*\n +→ give --endpoint=ADDRESS:PORT/m,
    );
    await setNodeStatus(admin, HUB.node, {
      internalIPs: [HUB.internal],
      externalIPs: [HUB.external],
    });
  });

  await t.step("10. API black-holed: of a spoke, and of the hub", async () => {
    const silent =
      /^failed +API +https:\/\/203\.0\.113\.100:6443: no answer for 3 s\n +→ .* curl -k https/m;
    for (const [member, says] of [[two, spokeSays(two, "doctor")], [hub, undefined]] as const) {
      const command = says ?? await hubCommand("doctor"); // the token comes from the API
      await member.host.ip(`neigh replace ${API} lladdr ${NOBODY} nud permanent`);
      await shows([command], silent);
      await member.host.ip(`neigh del ${API}`);
    }
  });

  await t.step("11. allowed-ips without the hub's InternalIP", async () => {
    await hub.process.stop("SIGTERM");
    const flags = { "allowed-ips": "100.96.0.0/12" };
    hub.process = await stretched.startHub(hub.host, [], { flags });
    await shows(
      [hubSays("doctor"), () => Promise.resolve(hub.process.output)],
      /^warning +allowed-ips +lacks the hub's InternalIP 172\.16\.0\.4\/32: .*\n +→ give --allowed-ips=100/m,
      /^\S+ warning: .* lacks the hub's InternalIP 172\.16\.0\.4\/32: .*give --allowed-ips wider$/m,
    );
  });

  await t.step("no log has a word of the runtime's", () => {
    for (const line of stretched.logs().split("\n")) {
      assertEquals(/^(\[\d{4}-.*|--- .*|)$/.test(line), true, line);
    }
  });

  /** Until what is typed shows all that is told: what was broken may take a moment to be known. */
  async function shows(commands: readonly Command[], ...told: RegExp[]): Promise<string> {
    assertLessOrEqual(commands.length, 2);
    let last = "";
    return await eventually(`it shows ${told.join(" ")}`, async () => {
      last = "";
      for (const command of commands) last += await command();
      return told.every((one) => one.test(last)) ? last : undefined;
    }, () => `${last}\n${stretched.logs()}`);
  }

  function hubSays(command: "status" | "doctor"): Command {
    return async () => (await hubCommand(command))();
  }

  async function hubCommand(command: "status" | "doctor"): Promise<Command> {
    const start = await stretched.hubStarter(hub.host, [command]);
    return async () => {
      await using process = await start();
      await process.exitCode();
      return process.output;
    };
  }

  /** With its Node's address, as `/etc/default/wg-spoke` has it. */
  function spokeSays({ name, host }: Member, command: "status" | "doctor"): Command {
    const args = [...runArguments("spoke", bundleOf("spoke")), command];
    return async () => {
      const env = { WG_ADDRESS: `100.96.0.${name.slice(-1)}/32` };
      const { stdout, stderr } = await host.exec(Deno.execPath(), args, { env });
      return stdout + stderr;
    };
  }

  function described(node: string): Command {
    return async () => await cluster.kubectl(["describe", "node", node]);
  }

  /** The spoke's program anew, with a new interface. */
  async function restarted(spoke: Member, env: SpokeOptions["env"] = {}): Promise<void> {
    await spoke.process.stop("SIGTERM");
    await spoke.host.ip("link del wg0");
    spoke.process = stretched.startSpoke(spoke.host, Number(spoke.name.slice(-1)), { env });
    await spoke.process.waitForLine(/routes added/);
  }
});

/** Types what a remedy says, as it stands. */
async function typed(host: LabHost, remedy: RegExp, told: string): Promise<void> {
  const [, command] = remedy.exec(told)!;
  await host.run(["sh", "-ec", command!]);
}
