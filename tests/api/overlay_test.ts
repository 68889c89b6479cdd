/** What kustomize makes of the deployments that are shipped. */
import { assert, assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { HUB_OPTIONS } from "../../lib/options/hub_options.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { type Manifest, render } from "./policy_stage.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PREFIX = "stretch.azure.com/wireguard-";
const DEFAULT = HUB_OPTIONS.annotationPrefix.default;
const POLICIES = ["wireguard-hub", "wireguard-keys"];
const OPT_IN = ["wireguard-account", "wireguard-first-use"];

interface Policy extends Manifest {
  readonly spec: { readonly variables: readonly { name: string; expression: string }[] };
}
interface DaemonSet extends Manifest {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly nodeSelector: Readonly<Record<string, string>>;
        readonly containers: readonly [{ readonly args: readonly string[] }];
      };
    };
  };
}

const namesOf = (all: readonly Manifest[], wanted: string) =>
  all.filter(({ kind }) => kind === wanted).map(({ metadata }) => metadata.name).sort();

/** The prefix at every place of a deployment that has one. */
function prefixesOf(all: readonly Manifest[]) {
  const { nodeSelector, containers: [{ args }] } =
    (all.find(({ kind }) => kind === "DaemonSet") as DaemonSet).spec.template.spec;
  const policies = all.filter(({ kind }) => kind === "ValidatingAdmissionPolicy") as Policy[];
  return {
    program: parseOptions(HUB_OPTIONS, args, new Map([["NODE_NAME", "hub-1"]])).annotationPrefix,
    nodeSelector,
    policies: Object.fromEntries(
      policies.flatMap(({ metadata, spec }) =>
        spec.variables.filter(({ name }) => name === "prefix")
          .map(({ expression }) => [metadata.name, expression])
      ),
    ),
  };
}

const everywhere = (prefix: string, policies: readonly string[]) => ({
  program: prefix,
  nodeSelector: { [annotationKeys(prefix).hub]: MARKED },
  policies: Object.fromEntries(policies.map((name) => [name, `'${prefix}'`])),
});

Deno.test("deploy has its policies and its prefix everywhere", async () => {
  await using lab = await sharedLab();
  const all = await render(lab.cluster, `${ROOT}deploy`);
  assertEquals(namesOf(all, "ValidatingAdmissionPolicy"), POLICIES);
  assertEquals(namesOf(all, "ValidatingAdmissionPolicyBinding"), POLICIES);
  assertEquals(prefixesOf(all), everywhere(DEFAULT, POLICIES));
});

Deno.test("overlays/azure-prefix changes the prefix everywhere, and nothing else", async () => {
  await using lab = await sharedLab();
  const all = await render(lab.cluster, `${ROOT}overlays/azure-prefix`);
  assertEquals(prefixesOf(all), everywhere(PREFIX, POLICIES));
  const back = JSON.stringify(all)
    .replaceAll(PREFIX, DEFAULT)
    .replace(`,"--annotation-prefix=${DEFAULT}"`, "");
  assertEquals(JSON.parse(back), await render(lab.cluster, `${ROOT}deploy`));
});

Deno.test("another prefix reaches the opt-in policies, too", async () => {
  await using lab = await sharedLab();
  const folder = await Deno.makeTempDir();
  try {
    const shipped = await Deno.readTextFile(`${ROOT}overlays/azure-prefix/kustomization.yaml`);
    // Kustomize takes relative paths only.
    const up = "../".repeat(folder.split("/").length - 1);
    const enabled = shipped
      .replaceAll(/^# (components:| {2}- )/gm, "$1")
      .replaceAll("../../deploy", `${up}${ROOT.slice(1)}deploy`);
    await Deno.writeTextFile(`${folder}/kustomization.yaml`, enabled);
    const all = await render(lab.cluster, folder);
    const names = [...POLICIES, ...OPT_IN].sort();
    assertEquals(namesOf(all, "ValidatingAdmissionPolicy"), names);
    const prefixed = names.filter((name) => name !== "wireguard-account");
    assertEquals(prefixesOf(all), everywhere(PREFIX, prefixed));
    // The group of the verb "manage" and the account's name hang on no prefix.
    assert(!JSON.stringify(all).includes(DEFAULT));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("overlays/hardened adds the opt-in policies, overlays/without-policy has none", async () => {
  await using lab = await sharedLab();
  const names = async (folder: string) => {
    const all = await render(lab.cluster, `${ROOT}overlays/${folder}`);
    const rest = all.filter(({ kind }) => !kind.startsWith("ValidatingAdmissionPolicy"));
    return [
      namesOf(all, "ValidatingAdmissionPolicy"),
      namesOf(all, "ValidatingAdmissionPolicyBinding"),
      rest.map(({ kind }) => kind).sort().join(" "),
    ];
  };
  const rest =
    "ClusterRole ClusterRole ClusterRoleBinding ClusterRoleBinding DaemonSet Namespace " +
    "Role RoleBinding ServiceAccount";
  const all = [...POLICIES, ...OPT_IN].sort();
  assertEquals(await names("hardened"), [all, all, rest]);
  assertEquals(await names("without-policy"), [[], [], rest]);
});

Deno.test("namespace.yaml, rbac.yaml, the policies and daemonset.yaml can be applied one by one", async () => {
  await using lab = await sharedLab();
  const files = [
    "namespace.yaml",
    "rbac.yaml",
    "policy/hub.yaml",
    "policy/keys.yaml",
    "daemonset.yaml",
  ];
  try {
    for (const file of files) await lab.cluster.kubectl(["apply", "-f", `${ROOT}deploy/${file}`]);
    const bound = await lab.cluster.kubectl([
      ...["get", "validatingadmissionpolicybindings", "-o", "name"],
    ]);
    assertEquals(bound.trim().split("\n").length, 2);
  } finally {
    for (const file of files.slice(1).reverse()) {
      await lab.cluster.kubectl([
        ...["delete", "--wait=false", "--ignore-not-found", "-f", `${ROOT}deploy/${file}`],
      ]);
    }
  }
});
