import { assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { runArguments } from "../../tasks/permissions.ts";
import { eventually } from "../lab/eventually.ts";
import type { LabHost } from "../lab/lab_host.ts";
import { bundleOf, HUB, type Member, StretchedCluster } from "../lab/stretched_cluster.ts";
import { reaches } from "./join_scenario.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What the README says that stays on the hub's disk: the key, and what it has written down. */
const STATE = ["duty", "endpoints", "hub.lock", "ledger.json", "private.key"];
const NAMESPACE = "/api/v1/namespaces/wireguard-kube";
const PODS = `${NAMESPACE}/pods`;

/** The commands of a section of the README, a line each: of each of its blocks. */
async function commandsOf(heading: string): Promise<string[][]> {
  const text = await Deno.readTextFile(`${ROOT}README.md`);
  const [section] = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n## (?!#)/, 1);
  return [...section!.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!.trim().split("\n"));
}

/** What of a tunnel is in the kernel of a machine: nothing is what is left to be. */
async function tunnelTraces(host: LabHost): Promise<string> {
  const show = async (...args: string[]) => (await host.exec("ip", args)).stdout;
  const ours = (text: string) => text.split("\n").filter((line) => / proto 87\b/.test(line));
  return [
    await show("-o", "link", "show", "type", "wireguard"),
    ...ours(await show("route", "show", "table", "all")),
    ...ours(await show("-6", "route", "show", "table", "all")),
    ...ours(await show("-d", "rule")),
    ...ours(await show("-6", "-d", "rule")),
  ].join("");
}

Deno.test("what the README says of taking it away leaves nothing in cluster and kernels", async (t) => {
  await using stretched = await StretchedCluster.create({ kustomization: "overlays/members" });
  const { admin, cluster } = stretched;
  await using ending = new AsyncDisposableStack();
  ending.defer(endNamespace);
  const hub = await stretched.addHub();
  const spoke = await stretched.addSpoke(2, { env: { HUB_ALLOWED_IPS: "100.96.0.0/12" } });
  await reaches(stretched, spoke.host, HUB.tunnel);
  const [commands, afterSpokes] = await commandsOf("Take it away") as [string[], string[]];
  const kubectl = (command: string, ...more: string[]) => {
    const [program, ...args] = command.replace(" overlays/", ` ${ROOT}overlays/`).split(" ");
    assertEquals(program, "kubectl");
    return cluster.kubectl([...args, ...more]);
  };
  // What stands for the hub in the cluster: what its DaemonSet's controller would have made.
  await admin.expect("POST", PODS, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "wireguard-hub-1", labels: { "app.kubernetes.io/name": "wireguard-hub" } },
    spec: {
      serviceAccountName: "wireguard-hub",
      nodeName: HUB.node,
      containers: [{ name: "hub", image: "example.test/hub" }],
    },
  });

  await t.step("without its label the hub goes, and the wait ends with its pod", async () => {
    for (const command of commands.slice(0, 2)) await kubectl(command);
    const waited = kubectl(commands[2]!);
    await endPod(hub);
    await waited;
    assertEquals(await tunnelTraces(hub.host), "");
    assertEquals(await stretched.published(HUB.node), { member: "false" });
    const state = (await hub.host.run(["ls", "/var/lib/wg-kube"])).trim().split("\n");
    assertEquals(state.filter((name) => !STATE.includes(name)), []);
    assertEquals(state.includes("private.key"), true);
  });

  await t.step(
    "what was applied is gone: policies, rights, account, DaemonSet, namespace",
    async () => {
      const applied = await cluster.kubectl(["kustomize", `${ROOT}overlays/members`]);
      // No controller runs here that would end the namespace: see endNamespace().
      await kubectl(commands[3]!, "--wait=false");
      await kubectl(commands[4]!);
      assertEquals(commands.length, 5);
      for (const document of applied.split(/^---$/m)) {
        const { kind, metadata: { name, namespace } }: Applied = parse(document);
        const where = namespace === undefined ? [] : ["-n", namespace];
        const get = ["get", kind, name, ...where, "--ignore-not-found", "-o"];
        const left = await cluster.kubectl([...get, "jsonpath={.metadata.deletionTimestamp}"]);
        if (kind === "Namespace") assertMatch(left, /^2\d{3}-/);
        else assertEquals(await cluster.kubectl([...get, "name"]), "", `${kind} ${name}`);
      }
    },
  );

  await t.step(
    "install.sh --uninstall takes the spoke away, its registration too, after the hub",
    async () => {
      await uninstall(spoke);
      assertEquals(await tunnelTraces(spoke.host), "");
      assertEquals(await stretched.published(spoke.name), { peer: "false" });
      const files = ["/etc/wireguard", "/run/wireguard", "/usr/local/bin", "/etc/default/wg-spoke"];
      const found = await spoke.host.exec("find", [...files, "-type", "f"]);
      assertEquals(found.stdout, "/etc/wireguard/private.key\n");
    },
  );

  await t.step("no Node says anything of it any more", async () => {
    for (const command of afterSpokes) await kubectl(command);
    const nodes = await admin.expect("GET", "/api/v1/nodes") as {
      items: { metadata: { labels?: object; annotations?: object } }[];
    };
    const said = nodes.items.flatMap(({ metadata: { labels, annotations } }) =>
      Object.keys({ ...labels, ...annotations })
    );
    assertEquals(said.filter((key) => key.startsWith(stretched.prefix)), []);
  });

  /** What the namespace's controller does at last: the tests that follow make it anew. */
  async function endNamespace(): Promise<void> {
    const namespace = await admin.expect("GET", NAMESPACE) as {
      readonly metadata: { readonly deletionTimestamp?: string };
    };
    if (namespace.metadata.deletionTimestamp === undefined) return;
    const ended = { ...namespace, spec: { finalizers: [] } };
    await admin.expect("PUT", `${NAMESPACE}/finalize`, ended);
  }

  /** What the DaemonSet's controller and the kubelet do when the label has gone. */
  async function endPod({ host, process }: Member): Promise<void> {
    await eventually("the hub has gone", async () => {
      return (await tunnelTraces(host)) === "" || undefined;
    }, () => stretched.logs());
    assertEquals(await process.stop("SIGTERM"), 0);
    await admin.expect("DELETE", `${PODS}/wireguard-hub-1?gracePeriodSeconds=0`);
  }
});

interface Applied {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Takes a spoke away by install.sh, which finds the machine as it leaves it; systemd is a stand-in. */
async function uninstall({ host, process }: Member): Promise<void> {
  const programs = await Deno.makeTempDir();
  try {
    await host.bind(programs, "/usr/local/bin");
    const spoke = [Deno.execPath(), ...runArguments("spoke", bundleOf("spoke"))];
    const quoted = spoke.map((word) => `'${word}'`).join(" ");
    await host.writeFile("/usr/local/bin/wg-spoke", `#!/bin/sh\nexec ${quoted} "$@"\n`, 0o755);
    await host.writeFile("/etc/default/wg-spoke", "WG_ADDRESS=100.96.0.2/32\n");
    await host.writeFile("/etc/systemd/system/wg-spoke.service", "[Service]\n");
    await host.writeFile("/run/fakes/systemctl", "#!/bin/sh\n", 0o755);
    assertEquals(await process.stop("SIGTERM"), 0); // as systemctl disable --now does it
    const path = Deno.env.get("PATH");
    await host.run(["sh", `${ROOT}install.sh`, "--uninstall"], {
      env: { PATH: `/run/fakes:/usr/local/bin:${path}` },
    });
  } finally {
    await Deno.remove(programs, { recursive: true });
  }
}
