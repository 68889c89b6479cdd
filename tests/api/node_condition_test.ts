/** The condition that a hub sets on peers' Nodes: with its component it can, and nothing else. */
import { assertEquals, assertMatch } from "@std/assert";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { NodeConditions } from "../../lib/hub/node_conditions.ts";
import type { TunnelState } from "../../lib/hub/tunnel_watch.ts";
import { hubCredentials } from "../lab/hub_credentials.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { nodePath } from "./policy_request.ts";
import { NODES, PolicyStage, type Who } from "./policy_stage.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const PREFIX = "wireguard.kube/";
const OURS = "WireGuardReady";
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly lastTransitionTime?: string;
  readonly lastHeartbeatTime?: string;
}
interface NodeObject {
  readonly status: { readonly conditions: readonly Condition[] };
}

/** `deploy` with the component, as a user puts it together. */
async function overlay(): Promise<string> {
  const folder = await Deno.makeTempDir();
  const up = "../".repeat(folder.split("/").length - 1); // kustomize takes relative paths only
  const deploy = `${up}${ROOT.slice(1)}deploy`;
  await Deno.writeTextFile(
    `${folder}/kustomization.yaml`,
    `resources: [${deploy}]\ncomponents: [${deploy}/components/node-condition]\n`,
  );
  return folder;
}

Deno.test("with its component a hub sets one condition of Nodes, and nothing else of their status", async (t) => {
  await using stack = new AsyncDisposableStack();
  const { cluster } = stack.use(await sharedLab());
  const folder = await overlay();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const stage = stack.use(await PolicyStage.set(cluster, folder, PREFIX));
  const { edge, hub } = NODES;
  const status = (
    who: Who,
    node: string,
    body: unknown,
    contentType = STRATEGIC,
  ) => stage.as(who).request("PATCH", `${nodePath(node)}/status`, body, contentType);
  const conditions = async (node: string) => {
    const { status } = await cluster.admin.expect("GET", nodePath(node)) as NodeObject;
    return status.conditions;
  };
  const ours = { type: OURS, status: "True", reason: "Test", message: "for a test" };
  await stage.answers(200, "hub", `${nodePath(edge)}/status`, {});

  const args = await cluster.kubectl([
    ...["get", "daemonset", "wireguard-hub", "-n", "wireguard-kube", "-o"],
    "jsonpath={.spec.template.spec.containers[0].args}",
  ]);
  assertMatch(args, /"--node-condition"/);

  const ready = { ...ours, type: "Ready", status: "False" };
  const attacks: readonly [string, Who, string, unknown, string?][] = [
    ["makes a Node not Ready", "hub", edge, { status: { conditions: [ready] } }],
    ["hides that beside its own", "hub", edge, { status: { conditions: [ours, ready] } }],
    ["sets another condition", "hub", edge, {
      status: { conditions: [{ ...ours, type: "NetworkUnavailable" }] },
    }],
    ["removes the others", "hub", edge, { status: { conditions: [ours] } }, MERGE],
    ["removes the whole list", "hub", edge, { status: { conditions: null } }, MERGE],
    ["gives a Node an address", "hub", edge, {
      status: { addresses: [{ type: "InternalIP", address: "10.9.9.9" }] },
    }],
    ["gives a Node room for pods", "hub", edge, { status: { capacity: { pods: "1000" } } }],
    ["sets what is not listed in any policy", "hub", edge, { status: { phase: "Terminated" } }],
    ["sets a key beside it", "hub", edge, {
      metadata: { annotations: { [`${PREFIX}public-key`]: "stolen" } },
      status: { conditions: [ours] },
    }],
    ["sets a label beside it", "hub", edge, {
      metadata: { labels: { "lab.test/label": "1" } },
      status: { conditions: [ours] },
    }],
    ["makes its own Node Ready", "hub", hub, { status: { conditions: [ready] } }],
    ["sets it by an unbound token", "hubUnbound", edge, { status: { conditions: [ours] } }],
  ];
  for (const [what, who, node, body, type] of attacks) {
    await t.step(`attack: ${who} ${what}`, async () => {
      const before = await stage.versions();
      const { status: code, body: answer } = await status(who, node, body, type);
      const { message = "" } = answer as { message?: string };
      assertEquals(code, 422, message);
      // What two policies refuse, either may: the server names one of them.
      assertMatch(message, /ValidatingAdmissionPolicy 'wireguard-(hub|keys)'/);
      assertEquals(await stage.versions(), before);
    });
  }

  await t.step("allowed: it sets its condition on a peer, a hub and any Node", async () => {
    for (const node of [edge, hub, NODES.plain]) {
      const before = await conditions(node);
      const answer = await status("hub", node, { status: { conditions: [ours] } });
      assertEquals(answer.status, 200, JSON.stringify(answer.body));
      const after = await conditions(node);
      assertEquals(after.filter(({ type }) => type !== OURS), before);
      assertEquals(after.find(({ type }) => type === OURS)?.status, "True");
    }
  });

  await t.step(
    "what the program says: since when, what changes, and nothing at the end",
    async () => {
      const { kubeconfig } = await hubCredentials(cluster, hub);
      await using api = new ApiClient(await openCredentials({ kubeconfig }));
      const find = async () => (await conditions(edge)).find(({ type }) => type === OURS);
      await says(api, new Map([[edge, "down"]]));
      const down = await find();
      assertEquals([down?.status, down?.reason], ["False", "NoHandshake"]);
      await says(api, new Map([[edge, "up"]]));
      const up = await find();
      assertEquals([up?.status, up?.reason], ["True", "Handshake"]);
      // Another program, which remembers nothing.
      await says(api, new Map([[edge, "up"]]));
      assertEquals((await find())?.lastTransitionTime, up?.lastTransitionTime);
      await says(api, new Map([[edge, "up"]]), new Map());
      assertEquals(await find(), undefined);
      assertEquals((await conditions(edge)).map(({ type }) => type), ["Ready"]);
    },
  );
});

/** Takes those states one after the other, each until it is written. */
async function says(
  api: ApiClient,
  ...states: readonly ReadonlyMap<string, TunnelState>[]
): Promise<void> {
  const stop = new AbortController();
  let written = 0;
  const program: NodeConditions = new NodeConditions({
    api,
    hub: NODES.hub,
    onResult: (error) => {
      assertEquals(error, undefined);
      const next = states[++written];
      if (next) program.update(next);
      else stop.abort();
    },
  });
  program.update(states[0]);
  await program.run(stop.signal);
}
