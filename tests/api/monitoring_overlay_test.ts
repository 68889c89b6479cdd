/** What kustomize makes of overlays/monitoring. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { HUB_OPTIONS } from "../../lib/options/hub_options.ts";
import { parseOptions } from "../../lib/options/parse_options.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { type Manifest, render } from "./policy_stage.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const read = (name: string) => Deno.readTextFile(`${ROOT}deploy/monitoring/${name}`);

interface PrometheusRule extends Manifest {
  readonly spec: unknown;
}
interface PodMonitor extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly [{ readonly port: string }];
  };
}
interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}
interface DaemonSet extends Manifest {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly hostNetwork: boolean;
        readonly containers: readonly [{
          readonly args: readonly string[];
          readonly env: readonly {
            readonly name: string;
            readonly value?: string;
            readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
          }[];
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
        }];
      };
    };
  };
}

Deno.test("overlays/monitoring serves the hub's metrics where the PodMonitor looks, and changes nothing else", async () => {
  await using lab = await sharedLab();
  const all = await render(lab.cluster, `${ROOT}overlays/monitoring`);
  const of = <Kind extends Manifest>(kind: string) =>
    all.find((manifest) => manifest.kind === kind) as Kind;
  const { metadata, spec: pod } = of<DaemonSet>("DaemonSet").spec.template;
  const { args, env, ports } = pod.containers[0];
  // As the kubelet does it: $(NAME) stands for a variable that was set before.
  const hostIP = env.findIndex(({ name }) => name === "HOST_IP");
  assertEquals(env[hostIP]!.valueFrom?.fieldRef.fieldPath, "status.hostIP");
  const at = env.findIndex(({ name }) => name === HUB_OPTIONS.metricsAddress.variable);
  assert(at > hostIP);
  const variables = new Map([
    ["NODE_NAME", "hub-1"],
    [env[at]!.name, env[at]!.value!.replace("$(HOST_IP)", "172.16.0.4")],
  ]);
  const { metricsAddress } = parseOptions(HUB_OPTIONS, args, variables);
  assertEquals(metricsAddress as unknown, {
    hostname: "172.16.0.4",
    port: ports[0]!.containerPort,
  });
  const { selector, podMetricsEndpoints: [endpoint] } = of<PodMonitor>("PodMonitor").spec;
  assertEquals([pod.hostNetwork, endpoint.port], [true, ports[0]!.name]);
  assertEquals(selector.matchLabels, metadata.labels);
  const { spec }: PrometheusRule = parse(await read("rules.yaml"));
  assertEquals(of<PrometheusRule>("PrometheusRule").spec, spec);
  const [dashboard] = Object.values(of<ConfigMap>("ConfigMap").data);
  assertEquals(JSON.parse(dashboard!), JSON.parse(await read("dashboard.json")));

  const ours = ["PodMonitor", "PrometheusRule", "ConfigMap", "DaemonSet"];
  const rest = (manifests: readonly Manifest[]) =>
    manifests.filter(({ kind }) => !ours.includes(kind));
  assertEquals(rest(all), rest(await render(lab.cluster, `${ROOT}deploy`)));
});
