import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
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

interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "DoesNotExist";
  readonly values?: readonly string[];
}
interface MemberContainer extends Container {
  readonly command: readonly string[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
}
interface DaemonSet extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: unknown };
    readonly updateStrategy: unknown;
    readonly template: {
      readonly metadata: { readonly labels: unknown };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly hostNetwork: boolean;
        readonly nodeSelector: Readonly<Record<string, string>>;
        readonly affinity: {
          readonly nodeAffinity: {
            readonly requiredDuringSchedulingIgnoredDuringExecution: {
              readonly nodeSelectorTerms: readonly {
                readonly matchExpressions: readonly Requirement[];
              }[];
            };
          };
        };
        readonly tolerations: unknown;
        readonly containers: readonly [MemberContainer];
        readonly volumes: readonly {
          readonly name: string;
          readonly hostPath: { readonly path: string; readonly type: string };
        }[];
      };
    };
  };
}
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

const DAEMON_SET = (await manifestsOf("members/daemonset.yaml"))[0] as DaemonSet;
const POD = DAEMON_SET.spec.template.spec;
const MEMBER = POD.containers[0];
const TERMS =
  POD.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
const KEYS = annotationKeys(SPOKE_OPTIONS.annotationPrefix.default);

type Labels = Readonly<Record<string, string>>;

/** As the scheduler has it: all of one term hold; NotIn holds where there is no such label, too. */
function takes(terms: typeof TERMS, labels: Labels): boolean {
  const holds = ({ key, operator, values = [] }: Requirement) => {
    const value = labels[key];
    if (operator === "DoesNotExist") return value === undefined;
    const found = value !== undefined && values.includes(value);
    return operator === "In" ? found : !found;
  };
  return terms.some(({ matchExpressions }) => matchExpressions.every(holds));
}

/** Whether a member's pod runs on a Node with such labels: by default, and where they are chosen. */
const NODES: readonly (readonly [string, Labels, boolean, boolean])[] = [
  ["a member's pod runs on a cluster node", {}, true, false],
  ["a member's pod runs on a member", { [KEYS.peer]: MARKED, [KEYS.member]: MARKED }, true, true],
  [
    "a member's pod runs on a Node that an administrator has chosen",
    { [KEYS.member]: MARKED },
    true,
    true,
  ],
  [
    "a member's pod does not run on a Node that is to be no member",
    { [KEYS.member]: "false" },
    false,
    false,
  ],
  [
    "a member's pod does not run on what was a member",
    { [KEYS.member]: "false", [KEYS.peer]: MARKED },
    false,
    false,
  ],
  ["a member's pod does not run on a spoke", { [KEYS.peer]: MARKED }, false, false],
  ["a member's pod does not run on a spoke that has left", { [KEYS.peer]: "false" }, false, false],
  [
    "a member's pod does not run on a spoke of a site",
    { [KEYS.peer]: MARKED, [KEYS.site]: "lab" },
    false,
    false,
  ],
  ["a member's pod does not run on a hub", { [KEYS.hub]: MARKED }, false, false],
  [
    "a hub that was a member",
    {
      [KEYS.hub]: MARKED,
      [KEYS.peer]: MARKED,
      [KEYS.member]: MARKED,
    },
    false,
    false,
  ],
  ["a member's pod runs on a hub no more", { [KEYS.hub]: "false" }, true, false],
  ["a member's pod does not run on a virtual node", { type: "virtual-kubelet" }, false, false],
  [
    "a member's pod does not run on a Fargate node",
    { "eks.amazonaws.com/compute-type": "fargate" },
    false,
    false,
  ],
];

for (const [what, labels, expected] of NODES) {
  Deno.test(what, () => {
    assertEquals(takes(TERMS, labels), expected);
  });
}

Deno.test("with chosen-members a pod runs on chosen Nodes alone", async () => {
  const { patches: [{ patch }] }: { patches: [{ patch: string }] } = parse(
    await read("components/chosen-members/kustomization.yaml"),
  );
  const terms = structuredClone(TERMS);
  const within = "/spec/template/spec/affinity/nodeAffinity/" +
    "requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/";
  for (const { op, path, value } of parse(patch) as unknown as readonly Operation[]) {
    const [term, , index, field] = path.replace(within, "").split("/");
    const requirement = terms[Number(term)]!.matchExpressions[Number(index)]!;
    assertEquals(requirement.key, KEYS.member);
    if (op === "replace") Object.assign(requirement, { [field!]: value });
    else assertEquals(requirement[field as keyof Requirement], value);
  }
  for (const [what, labels, , chosen] of NODES) assertEquals(takes(terms, labels), chosen, what);
});

Deno.test("the members' account may read and patch Nodes, and nothing more", async () => {
  const all = await manifestsOf("members/rbac.yaml");
  assertEquals(all.map(({ kind }) => kind), [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
  ]);
  const [account, role, binding] = all;
  assertEquals(account!.metadata, { name: POD.serviceAccountName, namespace: "wireguard-kube" });
  assertEquals(role!.rules, [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch", "patch"] },
  ]);
  assertEquals(binding!.roleRef!.name, role!.metadata.name);
  assertEquals(binding!.subjects, [{ kind: "ServiceAccount", ...account!.metadata }]);
});

Deno.test("a member is the spoke of the hub's image, on Linux, with NET_ADMIN and no other power", () => {
  assertEquals(MEMBER.image, `ghcr.io/wg-kube/wg-kube:${VERSION}`);
  assertEquals(MEMBER.command, ["/usr/local/bin/spoke"]);
  assertEquals(POD.nodeSelector, { "kubernetes.io/os": "linux" });
  assertEquals(POD.hostNetwork, true);
  assertEquals(POD.tolerations, [{ operator: "Exists" }]);
  assertNetAdminAlone(MEMBER);
  assertEquals(DAEMON_SET.metadata.namespace, "wireguard-kube");
  assertEquals(DAEMON_SET.spec.selector.matchLabels, DAEMON_SET.spec.template.metadata.labels);
});

Deno.test("a member's key outlives its pod, and its lock is the machine's", () => {
  const hostPathOf = (mountPath: string) => {
    const name = MEMBER.volumeMounts.find((mount) => mount.mountPath === mountPath)?.name;
    return POD.volumes.find((volume) => volume.name === name)?.hostPath;
  };
  const folder = SPOKE_OPTIONS.privateKeyFile.default.replace(/\/[^/]+$/, "");
  assertEquals(hostPathOf(folder), { path: "/var/lib/wg-kube/member", type: "DirectoryOrCreate" });
  assertEquals(hostPathOf("/var/run/wireguard"), {
    path: "/run/wireguard",
    type: "DirectoryOrCreate",
  });
  assertEquals(POD.volumes.length, 2);
});

Deno.test("a member's variables are options of the spoke, and the probes ask where it listens", () => {
  const env = MEMBER.env.map(({ name, value, valueFrom }) =>
    [name, value ?? { "spec.nodeName": "aks-3" }[valueFrom!.fieldRef.fieldPath]!] as const
  );
  const known = Object.values(SPOKE_OPTIONS).map(({ variable }) => variable as string);
  for (const [name] of env) assert(known.includes(name), name);
  const options = parseOptions(SPOKE_OPTIONS, [], new Map(env));
  assertEquals(options.nodeName as unknown, "aks-3");
  assertProbed(MEMBER, options.healthAddress);
});

Deno.test("an update leaves most members as they are, and never puts two on a node", () => {
  assertEquals(DAEMON_SET.spec.updateStrategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "10%", maxSurge: 0 },
  });
});

Deno.test("the image holds the program that members run", async () => {
  const dockerfile = await Deno.readTextFile(new URL("../Dockerfile", DEPLOY));
  const copied = /^COPY --from=build (.*) \/usr\/local\/bin\/$/m.exec(dockerfile)![1]!.split(" ");
  assert(copied.some((path) => path.endsWith("/spoke")));
});
