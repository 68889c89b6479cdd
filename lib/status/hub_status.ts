import { activeHub } from "../contract/active_hub.ts";
import { admit } from "../contract/admission.ts";
import { type AnnotationKeys, annotationKeys, MARKED } from "../contract/annotation_keys.ts";
import { peerClaimOf } from "../contract/claim.ts";
import type { Ledger } from "../contract/ledger.ts";
import { memberClaim } from "../contract/member_claim.ts";
import type { NodeView } from "../contract/node.ts";
import { firstLedger } from "../contract/rebuild_ledger.ts";
import { type IpAddress, parseAddress } from "../ip/address.ts";
import { type Cidr, hostCidr } from "../ip/cidr.ts";
import { isResolved } from "../ip/endpoint.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { CredentialsOptions } from "../kubernetes/credentials.ts";
import { Network } from "../netlink/network.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { type ClaimOptions, hubFacts } from "../hub/hub_facts.ts";
import { LedgerFile } from "../hub/ledger_file.ts";
import { hasSeveralAddresses } from "../hub/node_addresses.ts";
import { readResolvers } from "../reconcile/resolvers.ts";
import { readSurroundings } from "../tunnel/surroundings.ts";
import type { Device } from "../wireguard/device.ts";
import { ZERO_KEY } from "../wireguard/key.ts";
import { askCluster } from "./ask_cluster.ts";
import { askReadiness } from "./ask_readiness.ts";
import { hubPeers, type JudgedNodes } from "./hub_peers.ts";
import { hubsOf } from "./hubs_of.ts";
import { readInterface } from "./read_interface.ts";
import type { StatusReport } from "./status_report.ts";

/** The options of `hub status`. */
export interface HubStatusOptions extends ClaimOptions, CredentialsOptions {
  readonly interface: string;
  readonly nodeName: string;
  readonly annotationPrefix: string;
  readonly stateDir: string;
  readonly claimHold: number;
  readonly healthAddress: ListenAddress;
}

/** What the API says of the cluster, at one moment. */
interface Cluster {
  readonly peers: readonly NodeView[];
  /** Those of them that are members, with their addresses, by name. */
  readonly members: ReadonlyMap<string, NodeView>;
  readonly hubs: readonly NodeView[];
  /** Addresses of the Nodes that are no peers. */
  readonly others: ReadonlyMap<string, readonly Cidr[]>;
  /** Whom the hub must reach outside the tunnel. */
  readonly neighbours: readonly IpAddress[];
}

/**
 * The state of the hub on this machine, from the kernel, the API and what the hub has written down:
 * it need not run, and nothing is changed. Claims are judged anew, by the same rules and the same
 * ledger. Names in endpoints are not resolved, so nothing is said of those.
 *
 * @throws {SystemError} if the kernel cannot be read.
 */
export async function hubStatus(
  options: HubStatusOptions,
  signal: AbortSignal,
): Promise<StatusReport> {
  const keys = annotationKeys(options.annotationPrefix);
  const troubles: string[] = [];
  using network = new Network();
  // Alone: loading what reads the credential keeps everybody else waiting for a moment.
  const standing = await askReadiness(options.healthAddress, signal);
  const [{ api, answer }, ledger, { status, device }] = await Promise.all([
    askCluster(options, (api, signal) => readCluster(api, keys, options.nodeName, signal), signal),
    new LedgerFile(options.stateDir, (text) => text && troubles.push(text)).read(),
    readInterface(network, options.interface),
  ]);
  const time = Date.now();
  const nodes = answer && judge(answer, keys, { options, network, device, ledger, time });
  const choice = answer && activeHub(answer.hubs, keys);
  return {
    program: "hub",
    node: options.nodeName,
    time,
    standing,
    interface: status,
    api,
    hubs: choice ? hubsOf(choice, answer.hubs) : [],
    peers: hubPeers(device, nodes, ledger, time),
    troubles,
  };
}

async function readCluster(
  api: ApiClient,
  keys: AnnotationKeys,
  ownNode: string,
  signal: AbortSignal,
): Promise<Cluster> {
  const [peers, hubs, servers] = await Promise.all([
    api.listNodes({ labelSelector: `${keys.peer}=${MARKED}` }, { metadataOnly: true, signal }),
    api.listNodes({ labelSelector: `${keys.hub}=${MARKED}` }, { metadataOnly: false, signal }),
    api.serverHosts(signal).catch(() => []),
  ]);
  const isMember = (node: NodeView) => node.labels[keys.member] === MARKED;
  const members = peers.nodes.some(isMember)
    ? await api.listNodes(
      { labelSelector: `${keys.member}=${MARKED}` },
      { metadataOnly: false, signal },
    )
    : { nodes: [] };
  const several = hasSeveralAddresses(hubs.nodes.find(({ name }) => name === ownNode));
  const selector = { labelSelector: `${keys.peer}!=${MARKED}` };
  const others = await api.listNodeAddresses(selector, several, signal);
  // Names are not asked for: the refusal of an address behind one is seen in the hub's log.
  const addresses = [api.host ?? "", ...servers].flatMap((host) => parseAddress(host) ?? []);
  return {
    peers: peers.nodes,
    members: new Map(members.nodes.map((node) => [node.name, node])),
    hubs: hubs.nodes,
    others: new Map([...others].map(([name, list]) => [name, list.map(hostCidr)])),
    neighbours: [...addresses, ...await readResolvers()],
  };
}

/** What claims are judged by, besides what the API says. */
interface Ground {
  readonly options: HubStatusOptions;
  readonly network: Network;
  readonly device: Device | undefined;
  readonly ledger: Ledger | undefined;
  readonly time: number;
}

function judge(
  { peers, members, hubs, others, neighbours }: Cluster,
  keys: AnnotationKeys,
  { options, network, device, ledger, time }: Ground,
): JudgedNodes {
  const { nodeName, interface: name, claimHold } = options;
  const facts = hubFacts(readSurroundings(network, name), options, {
    ownKey: device?.privateKey?.publicKey ?? ZERO_KEY,
    device,
    neighbours,
    nodes: others,
    hubs,
    ownNode: hubs.find((node) => node.name === nodeName),
    resolve: (endpoint) => isResolved(endpoint) ? endpoint : undefined,
  });
  const claims = peers.filter((node) => node.name !== nodeName)
    .map((node) => peerClaimOf(node, keys))
    .map((claim) => claim.isMember ? memberClaim(claim, members.get(claim.node)) : claim);
  const before = firstLedger(ledger, device, claims);
  const judgement = admit(claims, facts, before, { now: time, holdMs: claimHold * 1000 });
  return { claims, judgement };
}
