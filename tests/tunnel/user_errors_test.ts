/** Faults of the user end the programs with status 2 and one line that names the culprit and the remedy. */
import { assertEquals, assertMatch } from "@std/assert";
import { type ProgramName, runArguments } from "../../tasks/permissions.ts";
import { LabHost } from "../lab/lab_host.ts";
import { bundleOf } from "../lab/stretched_cluster.ts";

interface Fault {
  readonly what: string;
  readonly program: ProgramName;
  readonly args: readonly string[];
  /** What the one line on standard error has to say. */
  readonly says: RegExp;
  /** Without CAP_NET_ADMIN, as every user but root is. */
  readonly unprivileged?: true;
}

const HUB = ["--node-name=hub-1", "--kubeconfig=/etc/good.kubeconfig"];

const FAULTS: readonly Fault[] = [
  {
    what: "a flag that is not there",
    program: "hub",
    args: [...HUB, "--adress=100.96.0.1/32"],
    says: /^hub: .*--adress.*--address/,
  },
  {
    what: "an address that is none",
    program: "hub",
    args: [...HUB, "--address=100.96.0.1/33"],
    says: /^hub: --address.*"100\.96\.0\.1\/33"/,
  },
  {
    what: "a port that is none",
    program: "spoke",
    args: ["--listen-port=0"],
    says: /^spoke: --listen-port/,
  },
  {
    what: "a kubeconfig that is not there",
    program: "hub",
    args: ["--node-name=hub-1", "--kubeconfig=/etc/missing.kubeconfig"],
    says: /^hub: .*\/etc\/missing\.kubeconfig/,
  },
  {
    what: "a kubeconfig that is none",
    program: "hub",
    args: ["--node-name=hub-1", "--kubeconfig=/etc/hostname"],
    says: /^hub: .*\/etc\/hostname/,
  },
  {
    what: "no kubeconfig outside of a pod",
    program: "hub",
    args: ["--node-name=hub-1"],
    says: /^hub: .*--kubeconfig/,
  },
  {
    what: "a key file that holds no key",
    program: "hub",
    args: [...HUB, "--interface=wg9", "--private-key-file=/etc/hostname"],
    says: /^hub: \/etc\/hostname .*wg genkey/,
  },
  {
    what: "an interface of that name that is no WireGuard interface",
    program: "hub",
    args: [...HUB, "--interface=br9"],
    says: /^hub: br9 .*--interface/,
  },
  {
    what: "a WireGuard interface that another program made",
    program: "hub",
    args: HUB,
    says: /^hub: wg0 .*--adopt/,
  },
  {
    what: "the same for a spoke",
    program: "spoke",
    args: [],
    says: /^spoke: wg0 .*--adopt/,
  },
  {
    what: "a user who is not root",
    program: "hub",
    args: [...HUB, "--interface=wg9"],
    says: /^hub: .*root.*CAP_NET_ADMIN/,
    unprivileged: true,
  },
];

Deno.test("faults of the user end with status 2 and one line that says what to do", async (t) => {
  await using host = await LabHost.create("faults");
  await host.ip("link add br9 type bridge", "link add wg0 type wireguard");
  // One that has no key yet would be taken: a program of ours may have been killed just then.
  await host.writeFile("/etc/foreign.key", await host.run(["wg", "genkey"]));
  await host.run(["wg", "set", "wg0", "private-key", "/etc/foreign.key"]);
  await host.writeFile("/etc/good.kubeconfig", KUBECONFIG, 0o644);
  const before = await host.run(["wg", "show", "all", "dump"]);
  for (const { what, program, args, says, unprivileged } of FAULTS) {
    await t.step(what, async () => {
      const { code, stdout, stderr } = await host.exec("timeout", [
        "30",
        ...(unprivileged ? ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"] : []),
        Deno.execPath(),
        ...runArguments(program, bundleOf(program)),
        ...args,
      ]);
      assertEquals(code, 2, stderr);
      assertEquals(stdout, "");
      assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
      assertMatch(stderr, says);
    });
  }
  await t.step("and nothing of it touched what was there", async () => {
    assertEquals(await host.run(["wg", "show", "all", "dump"]), before);
  });
});

const KUBECONFIG = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "one",
  contexts: [{ name: "one", context: { cluster: "one", user: "one" } }],
  clusters: [{ name: "one", cluster: { server: "http://127.0.0.1:1" } }],
  users: [{ name: "one", user: {} }],
});
