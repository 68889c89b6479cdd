/** After an upgrade of the cluster all members come up at once: what a real API server hears of that. */
import { assert, assertEquals } from "@std/assert";
import { annotationKeys, MARKED } from "../../lib/contract/annotation_keys.ts";
import type { NodeView } from "../../lib/contract/node.ts";
import { ApiClient } from "../../lib/kubernetes/api_client.ts";
import { openCredentials } from "../../lib/kubernetes/credentials.ts";
import { ClaimReader } from "../../lib/hub/claim_reader.ts";
import { NodeStatuses } from "../../lib/hub/node_statuses.ts";
import { SpokeCluster, type SpokeClusterParts } from "../../lib/spoke/spoke_cluster.ts";
import { generatePrivateKey } from "../../lib/wireguard/key.ts";
import { messageOf } from "../../lib/user_error.ts";
import { accountCredentials } from "../lab/account_credentials.ts";
import { createNode, deleteNode } from "../lab/create_node.ts";
import { eventually } from "../lab/eventually.ts";
import { pause } from "../lab/pause.ts";
import { sharedLab } from "../lab/shared_lab.ts";
import { PolicyStage } from "./policy_stage.ts";

const MANY = 200;
/** How many the test itself prepares at once. */
const AT_ONCE = 20;
/** Requests of a member whom nobody turns away: own Node and hubs, listed and watched; two patches. */
const LEAST = 6;
/** How long to wait for all of them, in ms. */
const PATIENCE = 60_000;
const PREFIX = "wireguard.kube/";
const MEMBERS = new URL("../../overlays/members", import.meta.url).pathname;
const keys = annotationKeys(PREFIX);
const names = Array.from({ length: MANY }, (_, at) => `many-members-${at}`);
const addressOf = (name: string) => `172.17.0.${1 + names.indexOf(name)}`;

/** The requests of all, by what they ask. */
class Requests {
  readonly counts: Record<string, number> = {};

  /** The same client, with its requests counted. */
  counting(api: ApiClient): SpokeClusterParts["api"] & Pick<ApiClient, "getNode"> {
    const count = (what: string) => {
      this.counts[what] = (this.counts[what] ?? 0) + 1;
    };
    return {
      listNodes: (...args) => (count("list"), api.listNodes(...args)),
      watchNodes: (...args) => (count("watch"), api.watchNodes(...args)),
      patchNode: (...args) => (count("patch"), api.patchNode(...args)),
      getNode: (...args) => (count("get"), api.getNode(...args)),
      renew: () => api.renew(),
    };
  }
}

/** Does it for all members, some at once. */
async function forAll(work: (name: string) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < MANY; at += AT_ONCE) {
    await Promise.all(names.slice(at, at + AT_ONCE).map(work));
  }
}

Deno.test("200 members come up at once: none is lost, and there is no storm", async (t) => {
  await using lab = await sharedLab();
  const { cluster } = lab;
  await using cleanup = new AsyncDisposableStack();
  cleanup.use(await PolicyStage.set(cluster, MEMBERS, PREFIX));
  cleanup.defer(() => forAll((name) => deleteNode(cluster.admin, name)));
  await forAll((name) => createNode(cluster.admin, name, { internalIPs: [addressOf(name)] }));
  const requests = new Requests();
  const said = new Set<string>();
  const stop = new AbortController();
  const clusters: SpokeCluster[] = [];
  const running: Promise<void>[] = [];
  cleanup.defer(async () => {
    stop.abort();
    await Promise.all(running);
  });
  await forAll(async (name) => {
    const { kubeconfig } = await accountCredentials(cluster, "wireguard-member", name);
    const api = cleanup.use(new ApiClient(await openCredentials({ kubeconfig })));
    const { publicKey } = await generatePrivateKey();
    const resultOf = (what: string) => (error?: unknown) => {
      if (error !== undefined) said.add(`${name}: ${what}: ${messageOf(error)}`);
    };
    clusters.push(
      new SpokeCluster({
        api: requests.counting(api),
        nodeName: name,
        keys,
        publication: { role: "peer", publicKey, allowedIPs: [], isMember: true },
        says: {
          resultOf,
          loop: (what) => ({ onResult: resultOf(what) }),
          matter: (what, text) => text && said.add(`${name}: ${what}: ${text}`),
        },
        resyncMs: 3_600_000,
        onChange: () => {},
      }),
    );
  });

  const sum = () => Object.values(requests.counts).reduce((all, one) => all + one, 0);

  await t.step("what the server turns away is asked again, and not often", async () => {
    for (const one of clusters) running.push(one.run(stop.signal));
    const missing = () => clusters.filter(({ registered, hubs }) => !registered || !hubs).length;
    const told = () => `${missing()} are missing: ${[...said].join("\n")}`;
    await eventually("all are registered", () => missing() === 0 || undefined, told, PATIENCE);
    assert(sum() >= LEAST * MANY && sum() <= 2 * LEAST * MANY, JSON.stringify(requests.counts));
    assertEquals([...said].filter((line) => !line.includes(": 429 ")), []);
  });

  await t.step("once they are all there, they ask for nothing more", async () => {
    await eventually("it is quiet", async () => {
      const before = sum();
      await pause(3_000);
      return sum() === before || undefined;
    });
    assert(sum() <= 2 * LEAST * MANY, JSON.stringify(requests.counts));
  });

  await t.step("the hub asks once for each member's addresses, and has their claims", async () => {
    const { kubeconfig } = await accountCredentials(cluster, "wireguard-hub", names[0]!);
    await using api = new ApiClient(await openCredentials({ kubeconfig }));
    const { signal } = stop;
    const { nodes } = await api.listNodes(
      { labelSelector: `${keys.member}=${MARKED}` },
      { metadataOnly: true, signal },
    );
    const ours = new Map<string, NodeView>(
      nodes.filter(({ name }) => names.includes(name)).map((node) => [node.name, node]),
    );
    assertEquals(ours.size, MANY);
    const faults: string[] = [];
    const statuses = new NodeStatuses({
      api: { ...requests.counting(api), listNodeAddresses: () => Promise.reject("not asked for") },
      labelSelector: "",
      signal,
      onChange: () => {},
      onResult: (error) => error !== undefined && faults.push(messageOf(error)),
    });
    const reader = new ClaimReader(keys, statuses);
    const claims = await eventually("all are known", () => {
      const claims = reader.read(ours, "hub");
      return reader.knowsMembers ? claims : undefined;
    });
    for (const { node, allowedIPs, faults } of claims) {
      assertEquals([allowedIPs, faults], [[`${addressOf(node)}/32`], []]);
    }
    assertEquals(requests.counts.get, MANY);
    assertEquals(faults, []);
  });
});
