import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { HUB_OPTIONS } from "../../lib/options/hub_options.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { SPOKE_OPTIONS } from "../../lib/options/spoke_options.ts";
import { VERSION } from "../../lib/version.ts";
import {
  assertNetAdminAlone,
  assertProbed,
  type Container,
  DEPLOY,
  type Manifest,
  manifestsOf,
  read,
} from "./deployed.ts";

interface AdmissionPolicy extends Manifest {
  readonly spec: {
    readonly failurePolicy: string;
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
  };
}
interface PolicyBinding extends Manifest {
  readonly spec: { readonly policyName: string; readonly validationActions: readonly string[] };
}
interface HubContainer extends Container {
  readonly args: readonly string[];
  readonly env: readonly { name: string; valueFrom: { fieldRef: { fieldPath: string } } }[];
}
interface DaemonSet extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly updateStrategy: unknown;
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly hostNetwork: boolean;
        readonly nodeSelector: Readonly<Record<string, string>>;
        readonly containers: readonly [HubContainer];
        readonly volumes: readonly unknown[];
      };
    };
  };
}

const DAEMON_SET = (await manifestsOf("daemonset.yaml"))[0] as DaemonSet;
const POD = DAEMON_SET.spec.template.spec;
const HUB = POD.containers[0];
const NODE = new Map([["NODE_NAME", "hub-1"]]);

Deno.test("kustomization.yaml names the manifests in the order in which they can be applied", async () => {
  const { resources }: { resources: string[] } = parse(await read("kustomization.yaml"));
  assertEquals(resources, [
    "namespace.yaml",
    "rbac.yaml",
    "policy/hub.yaml",
    "policy/keys.yaml",
    "daemonset.yaml",
  ]);
  const all = (await Promise.all(resources.map(manifestsOf))).flat();
  assertEquals(all[0]!.kind, "Namespace");
  for (const { metadata } of all) {
    // Events about Nodes lie in the namespace default.
    const expected = metadata.name === "wireguard-hub-events" ? "default" : all[0]!.metadata.name;
    assertEquals(metadata.namespace ?? "wireguard-kube", expected);
  }
});

Deno.test("The namespace admits the hub's pod", async () => {
  const [namespace] = await manifestsOf("namespace.yaml");
  assertEquals(namespace!.metadata.labels!["pod-security.kubernetes.io/enforce"], "privileged");
});

Deno.test("The hub's account may read and patch Nodes and create Events, and nothing more", async () => {
  const manifests = await manifestsOf("rbac.yaml");
  const isRole = ({ kind, metadata }: Manifest, name: string) =>
    kind.endsWith("Role") && metadata.name === name;
  const rulesFor = (kind: string, name: string) =>
    manifests
      .filter((binding) => binding.subjects?.some((who) => who.kind === kind && who.name === name))
      .flatMap(({ roleRef }) => manifests.find((role) => isRole(role, roleRef!.name))!.rules!);
  assertEquals(rulesFor("ServiceAccount", POD.serviceAccountName), [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch", "patch"] },
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
  ]);
  assertEquals(rulesFor("Group", "system:nodes"), [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
  ]);
});

const POLICIES = [
  "policy/hub.yaml",
  "policy/keys.yaml",
  "components/first-use/policy.yaml",
  "components/account-guard/policy.yaml",
];

for (const file of POLICIES) {
  Deno.test(`${file} is bound under its own name, refuses, and fails closed`, async () => {
    const [policy, binding, ...rest] = await manifestsOf(file) as [AdmissionPolicy, PolicyBinding];
    assertEquals([policy.kind, binding.kind, rest.length], [
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionPolicyBinding",
      0,
    ]);
    assertEquals(policy.spec.failurePolicy, "Fail");
    assertEquals(binding.spec, {
      policyName: policy.metadata.name,
      validationActions: ["Deny", "Audit"],
    });
  });
}

Deno.test("The policies judge the contract's keys, under the prefix that is the hub's default", async () => {
  const keys = annotationKeys(HUB_OPTIONS.annotationPrefix.default);
  for (const file of POLICIES.slice(0, 3)) {
    const [policy] = await manifestsOf(file) as [AdmissionPolicy];
    assertEquals(policy.spec.variables[0], { name: "prefix", expression: `'${keys.prefix}'` });
  }
  const [policy] = await manifestsOf("policy/keys.yaml") as [AdmissionPolicy];
  const { expression } = policy.spec.variables.find(({ name }) => name === "changed")!;
  for (const key of Object.values(keys).filter((key) => key !== keys.prefix)) {
    assertStringIncludes(expression, `'${key.slice(keys.prefix.length)}'`);
  }
});

Deno.test("The DaemonSet runs on the nodes that bear the contract's hub label", () => {
  const keys = annotationKeys(HUB_OPTIONS.annotationPrefix.default);
  assertEquals(POD.nodeSelector, { [keys.hub]: MARKED });
  assertEquals(DAEMON_SET.spec.selector.matchLabels, DAEMON_SET.spec.template.metadata.labels);
});

Deno.test("The DaemonSet's arguments are options of the hub, and NODE_NAME is its node's", () => {
  const options = parseOptions(HUB_OPTIONS, HUB.args, NODE);
  assertEquals(options.allowedIPs as unknown, ["100.96.0.0/12", "172.16.0.0/16"]);
  const nodeName = HUB.env.find(({ name }) => name === HUB_OPTIONS.nodeName.variable);
  assertEquals(nodeName?.valueFrom.fieldRef.fieldPath, "spec.nodeName");
});

Deno.test("The DaemonSet keeps the hub's key on the host", () => {
  const { privateKeyFile } = parseOptions(HUB_OPTIONS, HUB.args, NODE);
  const [mount] = HUB.volumeMounts;
  assert(privateKeyFile!.startsWith(`${mount!.mountPath}/`));
  assertEquals(POD.volumes, [{
    name: mount!.name,
    hostPath: { path: "/var/lib/wg-kube", type: "DirectoryOrCreate" },
  }]);
});

Deno.test("The hub has NET_ADMIN on the host's network, and no other power", () => {
  assertEquals(POD.hostNetwork, true);
  assertNetAdminAlone(HUB);
});

Deno.test("The probes ask where the hub listens by default", () => {
  const { healthAddress } = parseOptions(HUB_OPTIONS, HUB.args, NODE);
  assertProbed(HUB, healthAddress);
});

Deno.test("An update never puts two hubs on a node", () => {
  assertEquals(DAEMON_SET.spec.updateStrategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
  });
});

Deno.test("Image, Dockerfile and cloud-init are of this version", async () => {
  assertEquals(HUB.image, `ghcr.io/wg-kube/wg-kube:${VERSION}`);
  assertStringIncludes(
    await Deno.readTextFile(new URL("../Dockerfile", DEPLOY)),
    `ARG VERSION=${VERSION}\n`,
  );
  assertStringIncludes(await read("cloud-init.yaml"), `\n      version=${VERSION}\n`);
});

/** Where a drop-in says that it belongs. */
const placeOf = (text: string) => /^# (\/etc\/\S+\.conf)\n/.exec(text)?.[1];

interface CloudConfig {
  readonly "write_files": readonly { path: string; content: string; permissions: string }[];
  readonly runcmd: readonly (readonly string[])[];
}

Deno.test("cloud-init writes the spoke's unit and drop-in word for word, options of the spoke, and runs what it wrote", async () => {
  const text = await read("cloud-init.yaml");
  assert(text.startsWith("#cloud-config\n"));
  const config: CloudConfig = parse(text);
  const files = new Map(config.write_files.map(({ path, content }) => [path, content]));
  const unit = await read("wg-spoke.service");
  assertEquals(files.get("/etc/systemd/system/wg-spoke.service"), unit);
  const dropIn = await read("host/networkd.conf");
  assertEquals(files.get(placeOf(dropIn)!), dropIn);

  const environment = /^EnvironmentFile=-(.*)$/m.exec(unit)![1]!;
  const lines = files.get(environment)!.trim().split("\n").map((line) => line.split("="));
  const known = Object.values(SPOKE_OPTIONS).map(({ variable }) => variable as string);
  for (const [variable] of lines) assert(known.includes(variable!), variable);
  parseOptions(SPOKE_OPTIONS, [], new Map(lines as [string, string][]));

  assertEquals(config.runcmd.map(([program]) => files.has(program!)), [true]);
});

Deno.test("The spoke's unit starts it in the foreground, before the kubelet, and never gives up", async () => {
  const unit = await read("wg-spoke.service");
  const [program, ...args] = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(" ");
  assertEquals(program, "/usr/local/bin/wg-spoke");
  const daemonize = new Map([["WG_DAEMONIZE", "true"]]);
  assertEquals(parseOptions(SPOKE_OPTIONS, args, daemonize).daemonize, false);
  const lines = ["Type=notify", "Before=kubelet.service", "Restart=always", "KillMode=process"];
  for (const line of lines) {
    assertStringIncludes(unit, `\n${line}\n`);
  }
  assert(!/^MemoryDenyWriteExecute=/m.test(unit), "V8 writes the code that it runs");
});

Deno.test("the drop-ins for the host's network managers say where they belong, and name the spoke's interface", async () => {
  const networkd = await read("host/networkd.conf");
  assertEquals(placeOf(networkd), "/etc/systemd/networkd.conf.d/wg-kube.conf");
  for (const line of ["ManageForeignRoutes=no", "ManageForeignRoutingPolicyRules=no"]) {
    assertStringIncludes(networkd, `\n${line}\n`);
  }
  const manager = await read("host/NetworkManager.conf");
  assertEquals(placeOf(manager), "/etc/NetworkManager/conf.d/wg-kube.conf");
  const name = SPOKE_OPTIONS.interface.default;
  assertStringIncludes(manager, `\nunmanaged-devices=interface-name:${name}\n`);
});
