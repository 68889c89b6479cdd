import { activeHub, type HubChoice } from "../contract/active_hub.ts";
import { type AnnotationKeys, annotationKeys, MARKED } from "../contract/annotation_keys.ts";
import type { NodeView } from "../contract/node.ts";
import { claimOf } from "../contract/claim.ts";
import { planPublication } from "../contract/publication.ts";
import type { Refusal } from "../contract/refusal.ts";
import {
  publicationOn,
  spokePublication,
  type SpokePublicationOptions,
} from "../contract/spoke_publication.ts";
import { tunnelPrefixes } from "../contract/tunnel_prefixes.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { CredentialsOptions } from "../kubernetes/credentials.ts";
import { Network } from "../netlink/network.ts";
import type { HubOptions } from "../spoke/hub_follower.ts";
import { readResolvers } from "../reconcile/resolvers.ts";
import { readSurroundings } from "../tunnel/surroundings.ts";
import type { PublicKey } from "../wireguard/key.ts";
import { askCluster } from "./ask_cluster.ts";
import { hubsOf } from "./hubs_of.ts";
import { readInterface } from "./read_interface.ts";
import { spokePeers } from "./spoke_peers.ts";
import type { Standing, StatusReport } from "./status_report.ts";

/** The options of `spoke status`. */
export interface SpokeStatusOptions
  extends SpokePublicationOptions, CredentialsOptions, Omit<HubOptions, "persistentKeepalive"> {
  readonly interface: string;
  readonly annotationPrefix: string;
}

/** What the API says of the own Node and the hubs. */
interface Cluster {
  readonly own: NodeView | undefined;
  readonly hubs: readonly NodeView[];
  /** Nodes that may be peers of this machine's site; none without a site. */
  readonly peers: readonly NodeView[];
}

/**
 * The state of the spoke on this machine, from the kernel and the API: it need not run, and nothing is
 * changed.
 *
 * @throws {SystemError} if the kernel cannot be read.
 */
export async function spokeStatus(
  options: SpokeStatusOptions,
  nodeName: string,
  signal: AbortSignal,
): Promise<StatusReport> {
  const keys = annotationKeys(options.annotationPrefix);
  const named = { ...options, nodeName };
  using network = new Network();
  const [{ api, answer }, resolvers, { status, device }] = await Promise.all([
    askCluster(options, (api, signal) => readCluster(api, keys, named, signal), signal),
    readResolvers(),
    readInterface(network, options.interface),
  ]);
  const time = Date.now();
  const { publicKey: ownKey } = status;
  const { hubPublicKey: pinned } = options;
  const choice = answer && activeHub(answer.hubs, keys, { pinned, ...(ownKey && { ownKey }) });
  const others = (answer?.peers ?? []).map((node) => claimOf(node, keys));
  return {
    program: "spoke",
    node: nodeName,
    time,
    standing: standingOf(answer, ownKey, options, keys),
    interface: status,
    api,
    hubs: choice ? hubsOf(choice, answer.hubs) : [],
    peers: spokePeers(device, choice, others, refusalsOf(choice), time),
    troubles: choice && !choice.hub ? ["no Node is a complete hub: the tunnel stays as it is"] : [],
  };

  function refusalsOf(choice: HubChoice | undefined): readonly Refusal[] {
    if (!choice?.hub) return [];
    const { routes: otherRoutes, gateways } = readSurroundings(network, options.interface);
    const facts = { addresses: options.address, otherRoutes, gateways, resolvers };
    return tunnelPrefixes(options.hubAllowedIPs, choice.hub, facts).refusals;
  }
}

async function readCluster(
  api: ApiClient,
  keys: AnnotationKeys,
  { nodeName, site }: { readonly nodeName: string; readonly site: string | undefined },
  signal: AbortSignal,
): Promise<Cluster> {
  const selectorOf = (label: string) => ({ labelSelector: `${label}=${MARKED}` });
  const [own, hubs, peers] = await Promise.all([
    api.getNode(nodeName, signal),
    api.listNodes(selectorOf(keys.hub), { metadataOnly: false, signal }),
    site === undefined
      ? { nodes: [] }
      : api.listNodes(selectorOf(keys.peer), { metadataOnly: true, signal }),
  ]);
  return { own, hubs: hubs.nodes, peers: peers.nodes };
}

function standingOf(
  cluster: Cluster | undefined,
  ownKey: PublicKey | undefined,
  options: SpokeStatusOptions,
  keys: AnnotationKeys,
): Standing {
  if (!cluster) return { state: "unknown", reasons: [] };
  const { own } = cluster;
  const wanted = own && ownKey && publicationOn(own, spokePublication(ownKey, options));
  const reasons = own && ownKey
    ? !wanted
      ? ["its Node has no InternalIP yet"]
      : planPublication(own, wanted, keys).length > 0
      ? ["what its Node says is not what this machine has: does the spoke run?"]
      : []
    : [own ? "the interface has no key" : "its Node is not there yet: the kubelet makes it"];
  return { state: reasons.length === 0 ? "registered" : "not registered", reasons };
}
