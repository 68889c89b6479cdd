/** What kustomize makes of the deployments that are shipped. */
import { assert, assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import { HUB_OPTIONS } from "../../lib/options/hub_options.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { type Manifest, render } from "./policy_stage.ts";
import { temporaryOverlay, withComponents } from "./temporary_overlay.ts";

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
        readonly affinity: {
          readonly nodeAffinity: {
            readonly requiredDuringSchedulingIgnoredDuringExecution: {
              readonly nodeSelectorTerms: readonly {
                readonly matchExpressions: readonly { readonly key: string }[];
              }[];
            };
          };
        };
        readonly containers: readonly [{
          readonly args: readonly string[];
          readonly env: readonly { readonly name: string; readonly value?: string }[];
        }];
      };
    };
  };
}

const namesOf = (all: readonly Manifest[], wanted: string) =>
  all.filter(({ kind }) => kind === wanted).map(({ metadata }) => metadata.name).sort();

const podOf = (all: readonly Manifest[], wanted: string) =>
  (all.find(({ kind, metadata: { name } }) => kind === "DaemonSet" && name === wanted) as DaemonSet)
    .spec.template.spec;

/** The variables of the members' program, and the labels by which their nodes are chosen. */
function memberOf(all: readonly Manifest[]) {
  const { affinity: { nodeAffinity }, containers: [{ env }] } = podOf(all, "wireguard-member");
  const { nodeSelectorTerms } = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    env: new Map(env.map(({ name, value }) => [name, value])),
    terms: nodeSelectorTerms.map(({ matchExpressions }) => matchExpressions.map(({ key }) => key)),
  };
}

/** The prefix at every place of a deployment without members that has one. */
function prefixesOf(all: readonly Manifest[]) {
  const { nodeSelector, containers: [{ args }] } = podOf(all, "wireguard-hub");
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

Deno.test("another prefix reaches members and the opt-in policies, too", async () => {
  await using lab = await sharedLab();
  await using overlay = await temporaryOverlay(await withComponents("azure-prefix"));
  const all = await render(lab.cluster, overlay.folder);
  const names = [...POLICIES, ...OPT_IN].sort();
  assertEquals(namesOf(all, "ValidatingAdmissionPolicy"), names);
  assertEquals(namesOf(all, "DaemonSet"), ["wireguard-hub", "wireguard-member"]);
  const prefixed = names.filter((name) => name !== "wireguard-account");
  assertEquals(prefixesOf(all), everywhere(PREFIX, prefixed));
  const { member, peer, hub } = annotationKeys(PREFIX);
  const { env, terms } = memberOf(all);
  assertEquals(env.get("ANNOTATION_PREFIX"), PREFIX);
  assertEquals(terms.map((keys) => keys.filter((key) => key.startsWith(PREFIX))), [
    [hub, member, peer],
    [hub, member],
  ]);
  // The group of the verb "manage" and the accounts' names hang on no prefix.
  assert(!JSON.stringify(all).includes(DEFAULT));
});

Deno.test("overlays/members adds the members to deploy, and changes nothing of it", async () => {
  await using lab = await sharedLab();
  const isMembers = ({ metadata }: Manifest) => metadata.name === "wireguard-member";
  const all = await render(lab.cluster, `${ROOT}overlays/members`);
  assertEquals(all.filter(isMembers).map(({ kind }) => kind).sort(), [
    "ClusterRole",
    "ClusterRoleBinding",
    "DaemonSet",
    "ServiceAccount",
  ]);
  const rest = all.filter((one) => !isMembers(one));
  assertEquals(rest, await render(lab.cluster, `${ROOT}deploy`));
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
